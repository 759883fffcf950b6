"""`hypermatch labels`: bring in human labels."""

from pathlib import Path

import click

from infra.roots import actor_option, open_registry, task_option, utc_now


@click.group("labels")
def command() -> None:
    """Bring in human labels."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@task_option
@click.option("--part", type=click.Choice(["train", "gate"]), required=True,
              help="`train` texts teach, `gate` texts only judge.")
@actor_option
def import_(file: Path, task_name: str, part: str, actor: str) -> None:
    """Import FILE (CSV, JSONL or Parquet with columns text and label), all rows or none."""
    from infra.tables import read_column
    from registry.database import write
    from registry.labels import import_labels
    from registry.tables import Part

    rows = zip(read_column(file, "text"), read_column(file, "label"), strict=True)
    with write(open_registry()) as session:
        result = import_labels(session, task_name, rows, part=Part(part), actor=actor, origin=file.name,
                               now=utc_now())
    click.echo(f"{result.added} added, {result.changed} changed, {result.unchanged} unchanged")
