"""`hypermatch labels`: bring in human labels, and say which texts to label next."""

import csv
from pathlib import Path

import click

from infra.roots import actor_option, open_registry, task_option, utc_now


@click.group("labels")
def command() -> None:
    """Bring in human labels, and say which texts to label next."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@task_option
@click.option("--part", type=click.Choice(["train", "gate"]), required=True,
              help="`train` texts teach, `gate` texts only judge.")
@actor_option
def import_(file: Path, task_name: str, part: str, actor: str) -> None:
    """Import FILE (CSV, JSONL or Parquet with columns text and label), all labeled rows or none."""
    from infra.tables import read_column
    from registry.cells import unmarked
    from registry.database import write
    from registry.labels import import_labels
    from registry.tables import Part

    pairs = list(zip(read_column(file, "text"), read_column(file, "label"), strict=True))
    kept = unmarked if file.suffix.lower() == ".csv" else str
    rows = [(kept(text), kept(label)) for text, label in pairs if label]
    with write(open_registry()) as session:
        result = import_labels(session, task_name, rows, part=Part(part), actor=actor, origin=file.name,
                               now=utc_now())
    blank = f", {len(pairs) - len(rows)} without label left out" if len(pairs) > len(rows) else ""
    click.echo(f"{result.added} added, {result.changed} changed, {result.unchanged} unchanged{blank}")


@command.command("next")
@task_option
@click.option("--count", default=50, show_default=True, type=click.IntRange(min=1), help="Texts to ask for.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write them here; fill in `label` and give the file to `hypermatch labels import`.")
def next_(task_name: str, count: int, csv_file: Path | None) -> None:
    """Say which texts of the traffic to label next, and why; one in five is drawn by chance."""
    from infra.commands.trainer import open_workplace
    from infra.tables import echo_table
    from registry.cells import neutral
    from trainer.asking.asking import texts_to_label
    from trainer.asking.recipe import AskingRecipe
    from trainer.progress import StepBar
    from trainer.recipe import recipe_for
    from trainer.settings import TrainerSettings

    settings = TrainerSettings()
    recipe = recipe_for(task_name, Path(settings.recipes))
    with StepBar() as bar:
        asked = texts_to_label(open_workplace(settings), task_name, count, recipe, AskingRecipe(), bar.report)
    if csv_file is None:
        echo_table(["chosen", "why", "text"], [[each.chosen, each.why, each.text] for each in asked])
        return
    with csv_file.open("w", newline="", encoding="utf-8-sig") as lines:
        writer = csv.writer(lines)
        writer.writerow(["text", "label", "chosen", "why"])
        writer.writerows([neutral(each.text), "", each.chosen, each.why] for each in asked)
    click.echo(f"{len(asked)} texts to label in {csv_file}")
