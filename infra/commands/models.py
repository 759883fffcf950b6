"""`hypermatch models`: look at model versions and decide on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from infra.roots import actor_option, open_registry, open_store, reason_option, utc_now

if TYPE_CHECKING:
    from registry.lifecycle.flipping import Decision

together_option = click.option("--together", "is_together", is_flag=True,
                               help="All servers prepare it, then change to it at one moment.")
patience_option = click.option("--within", "patience_seconds", default=300, show_default=True,
                               type=click.IntRange(1, 86_400), help="Seconds that servers may take to prepare it.")
task_argument = click.argument("task_name", metavar="TASK")
number_argument = click.argument("number", type=int, metavar="VERSION")


@click.group("models")
def command() -> None:
    """Look at model versions and decide on them."""


@command.command("list")
@task_argument
def list_(task_name: str) -> None:
    """List the versions of TASK, newest first."""
    from infra.tables import echo_table
    from registry.database import read
    from registry.lifecycle.flips import flip_of
    from registry.lifecycle.promotion import wanted
    from registry.lifecycle.trials import TRIALS
    from registry.lifecycle.versions import list_versions

    with read(open_registry()) as session:
        trials = {each.version_number: f"{each.alias.value} {each.share:.0%}" for each in wanted(session, TRIALS)
                  if each.task == task_name}
        flip = flip_of(session, task_name)
        trials |= {} if flip is None else {flip.version_number: "next: servers prepare it"}
        rows = [[f"v{version.number}", version.stage.value, trials.get(version.number, "-"),
                 _accuracy(version.evaluation), version.n_labels, version.digest[:12],
                 version.created_at.isoformat(timespec="seconds")]
                for version in list_versions(session, task_name)]
    echo_table(["version", "stage", "on trial as", "gate accuracy", "labels", "digest", "created"], rows)


@command.command("show")
@task_argument
@number_argument
def show(task_name: str, number: int) -> None:
    """Show all that is known of one version, with its audit entries, as JSON."""
    import json

    from registry import audit
    from registry.database import read
    from registry.lifecycle.compatibility import compatibility_change
    from registry.lifecycle.stages import name_of
    from registry.lifecycle.versions import get_version

    with read(open_registry()) as session:
        version = get_version(session, task_name, number)
        history = [entry.model_dump(mode="json", include={"at", "actor", "action", "reason"})
                   for entry in audit.entries(session, subject=name_of(version))]
        change = compatibility_change(session, version)
    shown = {**version.model_dump(mode="json", exclude={"id"}),
             "compatibility_change": None if change is None else change.to_dict(), "history": history}
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@command.command("approve")
@task_argument
@number_argument
@actor_option
@reason_option
@click.option("--digest", help="Approve only if the version still has this digest.")
def approve(task_name: str, number: int, actor: str, reason: str, digest: str | None) -> None:
    """Approve a version that passed the gate."""
    from registry.database import write
    from registry.lifecycle.promotion import approve as decide
    from registry.settings import RegistrySettings
    from registry.signing import open_signer

    settings = RegistrySettings()
    with write(open_registry()) as session:
        version = decide(session, task_name, number, actor=actor, reason=reason, now=utc_now(), digest=digest,
                         is_four_eyes=settings.is_four_eyes, signer=open_signer(settings.signing_key))
    click.echo(f"approved {task_name} v{number} ({version.digest[:12]})")


@command.command("request-changes")
@task_argument
@number_argument
@actor_option
@reason_option
def request_changes(task_name: str, number: int, actor: str, reason: str) -> None:
    """Say what has to change before a version is approved."""
    from registry.database import write
    from registry.lifecycle.promotion import request_changes as decide

    with write(open_registry()) as session:
        decide(session, task_name, number, actor=actor, reason=reason, now=utc_now())
    click.echo(f"{task_name} v{number} needs changes; afterwards: hypermatch models ask-again {task_name} {number}")


@command.command("ask-again")
@task_argument
@number_argument
@actor_option
@reason_option
def ask_again(task_name: str, number: int, actor: str, reason: str) -> None:
    """Ask for the approval of a version again after changes were requested."""
    from registry.database import write
    from registry.lifecycle.promotion import request_approval

    with write(open_registry()) as session:
        request_approval(session, task_name, number, actor=actor, reason=reason, now=utc_now())
    click.echo(f"{task_name} v{number} awaits approval again")


@command.command("sign")
@task_argument
@number_argument
@actor_option
def sign(task_name: str, number: int, actor: str) -> None:
    """Sign an approved version with the key that HYPERMATCH_REGISTRY_SIGNING_KEY names."""
    from registry.database import write
    from registry.lifecycle.promotion import sign as vouch
    from registry.settings import RegistrySettings
    from registry.signing import open_signer

    signer = open_signer(RegistrySettings().signing_key)
    if signer is None:
        raise click.ClickException("no key signs: name one in HYPERMATCH_REGISTRY_SIGNING_KEY")
    with write(open_registry()) as session:
        version = vouch(session, task_name, number, signer, actor=actor, now=utc_now())
    click.echo(f"signed {task_name} v{number} ({version.digest[:12]}) with key {signer.fingerprint[:12]}")


@command.command("reject")
@task_argument
@number_argument
@actor_option
@reason_option
def reject(task_name: str, number: int, actor: str, reason: str) -> None:
    """Reject a version for good."""
    from registry.database import write
    from registry.lifecycle.promotion import reject as decide

    with write(open_registry()) as session:
        decide(session, task_name, number, actor=actor, reason=reason, now=utc_now())
    click.echo(f"rejected {task_name} v{number}")


@command.command("promote")
@task_argument
@number_argument
@click.option("--as", "name", type=click.Choice(["champion", "challenger", "canary"]), default="champion",
              show_default=True, help="A challenger sees every text and is never heard; a canary answers a share.")
@click.option("--share", type=float, help="Share of the requests that a canary answers, such as 0.1.")
@together_option
@patience_option
@actor_option
@reason_option
def promote(task_name: str, number: int, name: str, share: float | None, is_together: bool, patience_seconds: int,
            actor: str, reason: str) -> None:
    """Make an approved version the champion, or try one beside it; every server follows."""
    from registry.database import write
    from registry.errors import Refused
    from registry.lifecycle.flipping import promote_together
    from registry.lifecycle.promotion import promote as decide
    from registry.lifecycle.trials import start_trial
    from registry.tables import AliasName

    if is_together:
        if name != AliasName.CHAMPION:
            raise Refused(f"only a champion is flipped to, not a {name}", "leave --together or --as out")
        _flip(promote_together, task_name, number, patience_seconds, actor=actor, reason=reason)
        return
    with write(open_registry()) as session:
        if name != AliasName.CHAMPION:
            start_trial(session, task_name, number, AliasName(name), share=share, actor=actor, reason=reason,
                        now=utc_now())
        elif share is not None:
            raise Refused("a champion answers whatever no canary does", "leave --share out or add --as canary")
        else:
            decide(session, task_name, number, actor=actor, reason=reason, now=utc_now())
    told = "" if share is None else f" for {share:.0%} of the requests"
    click.echo(f"{task_name} v{number} is the {name}{told}")


@command.command("end-trial")
@task_argument
@click.argument("name", type=click.Choice(["challenger", "canary"]))
@actor_option
@reason_option
def end_trial(task_name: str, name: str, actor: str, reason: str) -> None:
    """Take the challenger or the canary of TASK away; the champion answers everything."""
    from registry.database import write
    from registry.lifecycle.trials import end_trial as decide
    from registry.tables import AliasName

    with write(open_registry()) as session:
        number = decide(session, task_name, AliasName(name), actor=actor, reason=reason, now=utc_now())
    click.echo(f"{task_name} v{number} is no {name} any more")


@command.command("rollback")
@task_argument
@click.argument("number", type=int, required=False, metavar="[VERSION]")
@together_option
@patience_option
@actor_option
@reason_option
def rollback(task_name: str, number: int | None, is_together: bool, patience_seconds: int, actor: str,
             reason: str) -> None:
    """Return to the champion before, or to VERSION if it was champion once."""
    from registry.database import write
    from registry.lifecycle.flipping import roll_back_together
    from registry.lifecycle.promotion import roll_back

    if is_together:
        _flip(roll_back_together, task_name, number, patience_seconds, actor=actor, reason=reason)
        return
    with write(open_registry()) as session:
        version = roll_back(session, task_name, number, actor=actor, reason=reason, now=utc_now())
    click.echo(f"{task_name} v{version.number} is the champion again")


@command.command("give-up")
@task_argument
@actor_option
@reason_option
def give_up(task_name: str, actor: str, reason: str) -> None:
    """Give up the flip of TASK that is being prepared; what serves goes on."""
    from registry.database import write
    from registry.errors import NotFound
    from registry.lifecycle.flips import give_up_flip

    with write(open_registry()) as session:
        number = give_up_flip(session, task_name, actor=actor, reason=reason, now=utc_now())
        if number is None:
            raise NotFound(f"no flip of {task_name} is under way", "a flip that was committed is undone by `rollback`")
    click.echo(f"{task_name} v{number} is not prepared any more")


@command.command("verify")
@task_argument
@click.argument("number", type=int, required=False, metavar="[VERSION]")
def verify(task_name: str, number: int | None) -> None:
    """Check the stored bytes of VERSION, or of every version, against their digests."""
    from registry.artifacts.bundle import load_bundle
    from registry.database import read
    from registry.lifecycle.versions import get_version, list_versions

    with read(open_registry()) as session:
        versions = list_versions(session, task_name) if number is None else [get_version(session, task_name, number)]
    store = open_store()
    for version in versions:
        bundle = load_bundle(store, version.digest)
        click.echo(f"{task_name} v{version.number} {bundle.digest[:12]}: {bundle.size_bytes:,} bytes, as stored")


def _flip(ask: Callable[..., Decision], task_name: str, number: int | None, patience_seconds: int, *, actor: str,
          reason: str) -> None:
    from datetime import timedelta

    from registry.database import database_time, write
    from registry.lifecycle.flipping import Act

    with write(open_registry()) as session:
        done = ask(session, task_name, number, actor=actor, reason=reason, now=database_time(session),
                   patience=timedelta(seconds=patience_seconds))
    if done.act is Act.COMMIT:
        when = "at once" if done.from_at is None else f"at {done.from_at:%H:%M:%S.%f} UTC by the registry's clock"
        click.echo(f"{done.reason}: every server changes {when}")
    else:
        click.echo(f"{done.reason}\nall change together once each holds it, within {patience_seconds} s; "
                   f"`hypermatch models list {task_name}` tells")


def _accuracy(evaluation: dict[str, Any]) -> str:
    accuracy = evaluation.get("accuracy")
    return f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]" if accuracy else "-"
