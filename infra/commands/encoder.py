"""`hypermatch encoder`: pretrain an encoder on unlabeled text and look at those that were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.pretraining.texts import Batch
    from trainer.workplace import Workplace

file_type = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("encoder")
def command() -> None:
    """Pretrain an encoder on unlabeled text and look at those that were."""


@command.command("pretrain")
@click.option("--task", "task_names", multiple=True, help="Learn from this task's texts in the bank; may be repeated.")
@click.option("--all-tasks", is_flag=True, help="Learn from the whole bank.")
@click.option("--texts", "text_files", multiple=True, type=file_type,
              help="CSV, JSONL or Parquet to learn from, with or without the bank; may be repeated.")
@click.option("--column", default="text", show_default=True, help="Column of --texts that holds the text.")
@click.option("--where", help="Only rows of --texts with this value, as COLUMN=VALUE; such as split=train.")
@click.option("--kind", type=click.Choice(["subword", "transformer"]), default="subword", show_default=True)
@click.option("--name", help="What people call it; the task's name if none is given.")
@click.option("--license", "inputs_license", default="", help="License of the texts, for the card.")
@click.option("--recipe", "recipe_file", type=file_type, help="TOML with seed, [subword], [transformer].")
def pretrain(task_names: tuple[str, ...], all_tasks: bool, text_files: tuple[Path, ...], column: str,
             where: str | None, kind: str, name: str | None, inputs_license: str, recipe_file: Path | None) -> None:
    """Pretrain an encoder; the same command takes up one that was interrupted.

    Texts of gate sets are left out. What comes of it is a folder, named by its content, with
    a card that says what it was made of.
    """
    if not (task_names or all_tasks or text_files):
        raise click.UsageError("nothing to learn from: give --task, --all-tasks or --texts")
    from infra.commands.curve import until
    from infra.commands.trainer import open_workplace
    from infra.processes import stop_on_signal
    from trainer.pretraining.pretrain import pretrain_encoder
    from trainer.pretraining.texts import gate_texts_of, gathered
    from trainer.progress import ShareBar
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    settings, stop = TrainerSettings(), stop_on_signal()
    workplace = open_workplace(settings)
    texts = gathered([*_banked(workplace, task_names, all_tasks), *_read(text_files, column, where)],
                     gate_texts_of(workplace))
    with ShareBar(kind) as bar:
        heard = until(stop, lambda _step, done: bar.report(done))
        kept = pretrain_encoder(workplace, Path(settings.encoders), texts, kind,
                                read_recipe(recipe_file) if recipe_file else Recipe(),
                                name=name or "+".join(task_names) or "unnamed", inputs_license=inputs_license,
                                report=lambda done: heard(kind, done))
    click.echo(f"{kept.card['name']}: {kind} encoder of {len(texts.texts):,} texts, {kept.folder}")
    click.echo(f'next: encoder = "{kept.named}" in the task\'s recipe')


@command.command("list")
def list_() -> None:
    """List pretrained encoders, the newest first, as recipes name them."""
    from infra.tables import echo_table
    from trainer.pretraining.kept import kept_encoders
    from trainer.settings import TrainerSettings

    rows = [[kept.card["name"], kept.card["created_at"], f"{kept.card['n_texts']:,}", kept.named]
            for kept in kept_encoders(Path(TrainerSettings().encoders))]
    echo_table(["name", "made", "texts", "encoder"], rows)


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show the card of encoder NAME, the newest of that name, or of the one whose folder begins so."""
    from trainer.pretraining.card import READABLE
    from trainer.pretraining.kept import find
    from trainer.settings import TrainerSettings

    click.echo((find(Path(TrainerSettings().encoders), name).folder / READABLE).read_text(encoding="utf-8"))


def _banked(workplace: Workplace, tasks: Sequence[str], all_tasks: bool) -> list[Batch]:
    from trainer.pretraining.texts import of_bank

    return [batch for task in ([None] if all_tasks else tasks) for batch in of_bank(workplace, task)]


def _read(files: Sequence[Path], column: str, where: str | None) -> list[Batch]:
    from infra.tables import read_column
    from trainer.pretraining.card import source_of
    from trainer.pretraining.texts import Batch

    wanted_in, _, wanted = (where or "").partition("=")
    batches = []
    for file in files:
        texts = read_column(file, column)
        if where:
            values = read_column(file, wanted_in)
            texts = [text for text, value in zip(texts, values, strict=True) if value == wanted]
        batches.append(Batch(source_of(file, f"{file.name}, {where}" if where else file.name, len(texts)), texts))
    return batches
