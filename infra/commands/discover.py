"""`hypermatch discover`: look for classes that nobody named, and decide on what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from infra.roots import actor_option, open_registry, reason_option, task_option, utc_now
from infra.whole_bank import ray_option, workers_option

if TYPE_CHECKING:
    from registry.class_decisions import Confirmed
    from registry.tables import ClassProposal

N_DAYS = 7                                            # newest ones that a count shows
number_argument = click.argument("number", type=int, metavar="PROPOSAL")
without_option = click.option("--without", multiple=True, type=int, metavar="N",
                              help="Leave out this text, by its number in `show`; may be repeated.")
correct_option = click.option("--correct", multiple=True, metavar="N=LABEL",
                              help="Give this text, an exemplar or a boundary text, another label; may be repeated.")


@click.group("discover", invoke_without_command=True)
@click.option("--task", "task_name", help="Name of the task: look for new classes in its bank texts now.")
@click.option("--k", "n_classes", default=0, type=click.IntRange(0, 1_000),
              help="New classes to look for; 0: estimated.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Tell what is seen, decided before or not; keep nothing.")
@click.option("--reason", default="asked for on the command line", show_default=True, help="Why; kept with the run.")
@actor_option
@ray_option
@workers_option
@click.pass_context
def command(context: click.Context, task_name: str | None, n_classes: int, is_dry_run: bool, reason: str,
            actor: str, address: str | None, n_workers: int) -> None:
    """Look for classes that nobody named, and decide on what was found."""
    if context.invoked_subcommand is None:
        if task_name is None:
            raise click.UsageError("give --task, or a command: list, show, count, accept, merge, split, reject, snooze")
        from infra.commands.discover_now import count, look, run

        proposals = look(task_name, n_classes) if is_dry_run else run(task_name, n_classes, actor, reason)
        _echo(proposals)
        if address is not None and proposals and not is_dry_run:
            _echo_counts(count(task_name, address, n_workers))


@command.command("count")
@task_option
@ray_option
@workers_option
def count_(task_name: str, address: str | None, n_workers: int) -> None:
    """Count the texts of each open proposal in the whole bank, by day."""
    from infra.commands.discover_now import count

    _echo_counts(count(task_name, address, n_workers))


@command.command("list")
@task_option
@click.option("--all", "is_all", is_flag=True, help="Those that were decided on too.")
def list_(task_name: str, is_all: bool) -> None:
    """List the proposals that wait, the largest first."""
    from registry.database import read
    from registry.proposals import list_proposals
    from registry.tables import ProposalState
    from registry.tasks import get_task

    with read(open_registry()) as session:
        get_task(session, task_name)
        _echo(list_proposals(session, task_name, None if is_all else ProposalState.PROPOSED))


@command.command("show")
@number_argument
@click.option("--json", "is_json", is_flag=True, help="Print all that is known, as JSON.")
def show(number: int, is_json: bool) -> None:
    """Show what a proposal was made of."""
    from registry.database import read
    from registry.proposals import get_proposal

    with read(open_registry()) as session:
        proposal = get_proposal(session, number)
    if is_json:
        import json

        click.echo(json.dumps(proposal.model_dump(mode="json"), indent=1, ensure_ascii=False))
        return
    found = proposal.findings
    click.echo(f"{proposal.id} {proposal.name!r}: {proposal.state.value}, {proposal.n_texts} texts, "
               f"cohesion {proposal.cohesion:.2f}, stability {proposal.stability:.2f}")
    click.echo(f"key terms: {', '.join(found.get('terms', ())) or '-'}")
    if proposal.near_label:
        click.echo(f"may belong to the class {proposal.near_label!r}")
    if found.get("merge_with"):
        click.echo(f"may be one with: {', '.join(found['merge_with'])}")
    click.echo(f"texts over time: {' '.join(str(span['n_texts']) for span in found.get('trend', ()))}")
    texts = numbered(proposal)
    for index, text in texts.items():
        if index == len(found.get("exemplars", ())) + 1:
            click.echo("boundary texts, left out unless corrected:")
        click.echo(f"{index:3d}  {' '.join(text.split())[:160]}")


@command.command("accept")
@number_argument
@click.option("--name", required=True, help="Name of the class.")
@without_option
@correct_option
@actor_option
@reason_option
def accept(number: int, name: str, without: tuple[int, ...], correct: tuple[str, ...], actor: str, reason: str) -> None:
    """Make a proposal a class; the next run learns it."""
    from registry.class_decisions import accept as decide
    from registry.database import write

    with write(open_registry()) as session:
        result = decide(session, number, name=name, actor=actor, reason=reason, now=utc_now(),
                        corrections=_corrections(session, number, without, correct))
    _told(result)


@command.command("merge")
@number_argument
@click.option("--into", "label", required=True, help="Name of the class that the texts belong to.")
@without_option
@correct_option
@actor_option
@reason_option
def merge(number: int, label: str, without: tuple[int, ...], correct: tuple[str, ...], actor: str, reason: str) -> None:
    """Give a proposal's texts to a class that exists."""
    from registry.class_decisions import merge as decide
    from registry.database import write

    with write(open_registry()) as session:
        result = decide(session, number, label=label, actor=actor, reason=reason, now=utc_now(),
                        corrections=_corrections(session, number, without, correct))
    _told(result)


@command.command("split")
@number_argument
@actor_option
@reason_option
def split(number: int, actor: str, reason: str) -> None:
    """Replace a proposal by the parts that were seen in it."""
    from registry.class_decisions import split as decide
    from registry.database import write

    with write(open_registry()) as session:
        _echo(decide(session, number, actor=actor, reason=reason, now=utc_now()))


@command.command("reject")
@number_argument
@actor_option
@reason_option
def reject(number: int, actor: str, reason: str) -> None:
    """Say that a proposal is no class; its like is not proposed again."""
    from registry.class_decisions import reject as decide
    from registry.database import write

    with write(open_registry()) as session:
        decide(session, number, actor=actor, reason=reason, now=utc_now())
    click.echo(f"rejected proposal {number}; it is remembered")


@command.command("snooze")
@number_argument
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(0, 3_650, min_open=True))
@actor_option
@reason_option
def snooze(number: int, days: float, actor: str, reason: str) -> None:
    """Put a proposal away for a while."""
    from datetime import timedelta

    from registry.class_decisions import snooze as decide
    from registry.database import write

    with write(open_registry()) as session:
        now = utc_now()
        decide(session, number, until=now + timedelta(days=days), actor=actor, reason=reason, now=now)
    click.echo(f"proposal {number} sleeps for {days:g} days")


def numbered(proposal: ClassProposal) -> dict[int, str]:
    """Return exemplars and boundary texts by the numbers that `show` gives them."""
    return dict(enumerate([*proposal.findings.get("exemplars", ()), *proposal.findings.get("boundary", ())], start=1))


def _corrections(session: Any, number: int, without: tuple[int, ...],
                 correct: tuple[str, ...]) -> dict[str, str | None]:
    from registry.proposals import get_proposal

    texts: dict[int, str] = numbered(get_proposal(session, number))
    found: dict[str, str | None] = {}
    told: list[tuple[str, str | None]] = [(str(index), None) for index in without]
    for each in correct:
        index, separator, label = each.partition("=")
        if not separator or not label:
            raise click.BadParameter(f"{each!r} is not N=LABEL", param_hint="--correct")
        told.append((index, label))
    for index, corrected in told:
        if not index.isdigit() or int(index) not in texts:
            raise click.BadParameter(f"proposal {number} shows no text {index!r}, it shows 1 to {len(texts)}",
                                     param_hint="--without / --correct")
        found[texts[int(index)]] = corrected
    return found


def _told(result: Confirmed) -> None:
    click.echo(f"{result.proposal.task}: {result.n_train} texts teach {result.label!r} and {result.n_gate} judge it; "
               f"label space {result.label_space}; a run is asked for")


def _echo_counts(proposals: list[ClassProposal]) -> None:
    from infra.tables import echo_table

    rows = []
    for each in proposals:
        told = each.findings["in_bank"]
        days = " ".join(f"{day}:{n}" for day, n in list(told["days"].items())[-N_DAYS:])
        rows.append([each.id, each.name, each.n_texts, told["n_texts"], days])
    echo_table(["proposal", "name", "in the sample", "in the bank", "by day"], rows)


def _echo(proposals: list[ClassProposal]) -> None:
    from infra.tables import echo_table

    rows = [[each.id or "-", each.name, each.state.value, each.n_texts, f"{each.cohesion:.2f}", f"{each.stability:.2f}",
             each.near_label or each.label or "", ", ".join(each.findings.get("merge_with", ()))] for each in proposals]
    echo_table(["proposal", "name", "state", "texts", "cohesion", "stability", "class", "may be one with"], rows)
