"""`hypermatch review`: label the texts most worth a person's minute, alone, by two, or in another tool."""

import json
from pathlib import Path
from typing import Any

import click

from infra.roots import actor_option, open_registry, task_option, utc_now

FORMATS = click.Choice(["argilla", "label-studio"])
STATES = click.Choice(["open", "disputed", "settled", "dropped"])


@click.group("review")
def command() -> None:
    """Label the texts most worth a person's minute."""


@command.command("fill")
@task_option
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 5_000), help="Texts to add.")
@click.option("--people", "n_wanted", default=1, show_default=True, type=click.IntRange(1, 5),
              help="How many must agree on each.")
@actor_option
def fill(task_name: str, count: int, n_wanted: int, actor: str) -> None:
    """Add texts that are uncertain, novel, seen differently by two views, or where drift was noticed."""
    from infra.commands.trainer import open_workplace
    from trainer.asking.recipe import AskingRecipe
    from trainer.asking.review import fill_queue
    from trainer.progress import StepBar
    from trainer.recipe import recipe_for
    from trainer.settings import TrainerSettings

    settings = TrainerSettings()
    with StepBar() as bar:
        n = fill_queue(open_workplace(settings), task_name, count, recipe_for(task_name, Path(settings.recipes)),
                       AskingRecipe(), actor=actor, n_wanted=n_wanted, report=bar.report)
    click.echo(f"{n} texts added to the queue of {task_name}")


@command.command("next")
@task_option
@actor_option
@click.option("--blind", "is_blind", is_flag=True, help="Do not show what the model guesses.")
@click.option("--json", "is_json", is_flag=True, help="As JSON.")
def next_(task_name: str, actor: str, is_blind: bool, is_json: bool) -> None:
    """Claim and show the next text; it is yours for ten minutes."""
    from registry.database import write
    from registry.reviews import claim_next

    with write(open_registry()) as session:
        item = claim_next(session, task_name, actor=actor, now=utc_now())
    if item is None:
        click.echo(f"nothing waits for {actor} in {task_name}; `hypermatch review fill` adds texts", err=True)
        return
    shown: dict[str, Any] = {"item": item.id, "text": item.text, "chosen": item.chosen}
    if not is_blind:
        shown |= {"why": item.why, "guess": item.guess, "confidence": item.confidence}
    click.echo(json.dumps(shown, ensure_ascii=False) if is_json else _told(shown))


@command.command("answer")
@click.argument("item", type=int)
@click.argument("label")
@click.option("--new-class", "is_new_class", is_flag=True, help="LABEL is a class that the task does not have yet.")
@actor_option
def answer_(item: int, label: str, is_new_class: bool, actor: str) -> None:
    """Give ITEM its LABEL."""
    from registry.database import write
    from registry.reviews import answer

    with write(open_registry()) as session:
        found = answer(session, item, label, actor=actor, now=utc_now(), is_new_class=is_new_class)
    click.echo(f"item {item} is {found.state.value}")


@command.command("skip")
@click.argument("item", type=int)
@actor_option
def skip_(item: int, actor: str) -> None:
    """Leave ITEM to others."""
    from registry.database import write
    from registry.reviews import skip

    with write(open_registry()) as session:
        found = skip(session, item, actor=actor, now=utc_now())
    click.echo(f"item {item} is {found.state.value}")


@command.command("undo")
@task_option
@actor_option
def undo_(task_name: str, actor: str) -> None:
    """Take your last answer back."""
    from registry.database import write
    from registry.reviews import undo

    with write(open_registry()) as session:
        item = undo(session, task_name, actor=actor, now=utc_now())
    click.echo(f"item {item.id} is {item.state.value} and yours again: {item.text}")


@command.command("status")
@task_option
def status(task_name: str) -> None:
    """Show how far the queue is and how well people agree."""
    from infra.tables import echo_table
    from registry.database import read
    from registry.reviews import agreement, progress, suggested_classes

    with read(open_registry()) as session:
        done, agreed = progress(session, task_name), agreement(session, task_name)
        named = suggested_classes(session, task_name)
    click.echo(", ".join(f"{n} {state}" for state, n in done.states.items()))
    echo_table(["person", "labeled", "skipped"], [[name, n.get("labeled", 0), n.get("skipped", 0)]
                                                  for name, n in sorted(done.people.items())])
    if agreed.pairs:
        click.echo(f"{agreed.n_items} texts with two labels or more, {agreed.n_disputed} of them disputed")
        echo_table(["pair", "texts", "agreed", "kappa"], [
            [f"{pair.one}, {pair.other}", pair.n_items, pair.n_agreed,
             "-" if pair.kappa is None else f"{pair.kappa:.2f}"] for pair in agreed.pairs])
    for name, items in named.items():
        click.echo(f"class {name!r} was named for {len(items)} texts")


@command.command("export")
@task_option
@click.option("--format", "form", type=FORMATS, required=True)
@click.option("--state", type=STATES, help="Only these; all if none is given.")
@click.option("--labels-config", type=click.Path(dir_okay=False, path_type=Path),
              help="Write Label Studio's labeling configuration here.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(task_name: str, form: str, state: str | None, labels_config: Path | None, file: Path) -> None:
    """Write the queue and its answers to FILE."""
    from registry.database import read
    from registry.reviews import take_out
    from registry.reviews.outside import labeling_config
    from registry.tables import ReviewState

    with read(open_registry()) as session:
        rows = take_out(session, task_name, form, None if state is None else ReviewState(state))
        config = labeling_config(session, task_name)
    file.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if labels_config is not None:
        labels_config.write_text(config, encoding="utf-8")
    click.echo(f"{len(rows)} texts in {file}")


@command.command("import")
@task_option
@click.option("--format", "form", type=FORMATS, required=True)
@actor_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(task_name: str, form: str, actor: str, file: Path) -> None:
    """Keep the answers of FILE, all or none; the actor is who answered where the file does not say."""
    from registry.database import write
    from registry.errors import Refused
    from registry.reviews import bring_back

    try:
        rows = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise Refused(f"{file.name} is not JSON: {error}", f"export it from {form} as JSON") from error
    with write(open_registry()) as session:
        done = bring_back(session, task_name, form, rows, actor=actor, now=utc_now())
    click.echo(f"{done.added} answers added, {done.unchanged} unchanged, {done.contradicting} contradicting what is "
               f"settled; {done.queued} texts were not in the queue")


def _told(shown: dict[str, Any]) -> str:
    guess = "" if shown.get("guess") is None else f"guess: {shown['guess']} ({shown['confidence']:.2f})\n"
    why = f"why:   {shown['why']}\n" if "why" in shown else ""
    return f"item {shown['item']}: {click.unstyle(shown['text'])}\n{why}{guess}" \
           f"label it with `hypermatch review answer {shown['item']} LABEL`"
