"""`hypermatch task`: create and list tasks."""

from pathlib import Path

import click

from infra.roots import actor_option, open_registry, utc_now


@click.group("task")
def command() -> None:
    """Create and list tasks."""


@command.command("create")
@click.argument("name")
@click.option("--label", "labels", multiple=True, help="A label; repeat for each.")
@click.option("--labels-from", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="CSV, JSONL or Parquet file whose column `label` holds the labels.")
@click.option("--description", default="", help="What is asked of each text.")
@actor_option
def create(name: str, labels: tuple[str, ...], labels_from: Path | None, description: str, actor: str) -> None:
    """Create task NAME with its labels."""
    from infra.tables import read_column
    from registry.database import write
    from registry.tasks import create_task

    given = list(labels) + (sorted(set(read_column(labels_from, "label"))) if labels_from else [])
    with write(open_registry()) as session:
        create_task(session, name, given, actor=actor, now=utc_now(), description=description)
    click.echo(f"created task {name} with {len(given)} labels")


@command.command("list")
def list_() -> None:
    """List the tasks with their labels, human labels and champion."""
    from infra.tables import echo_table
    from registry.database import read
    from registry.labels import n_labels
    from registry.lifecycle.versions import champion_of
    from registry.tables import Part
    from registry.tasks import label_space, list_tasks

    with read(open_registry()) as session:
        rows = []
        for task in list_tasks(session):
            space, champion = label_space(session, task.name), champion_of(session, task.name)
            rows.append([task.name, f"{len(space.labels)} (space {space.number})",
                         n_labels(session, task.name, Part.TRAIN), n_labels(session, task.name, Part.GATE),
                         f"v{champion.number}" if champion else "-", ", ".join(space.labels)[:60]])
    echo_table(["task", "labels", "train", "gate", "champion", "names"], rows)
