"""`hypermatch embed`: embed every text of the bank, here or on a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.whole_bank import ray_option, workers_option

if TYPE_CHECKING:
    from trainer.encoders.encoder import Encoder
    from trainer.settings import TrainerSettings
    from trainer.workplace import Workplace


@click.command("embed")
@click.option("--task", "task_name", help="Only this task's texts and those of none, by the encoder of its recipe.")
@click.option("--encoder", "encoder_name", help="As recipes write it; the task's own if none is given.")
@ray_option
@workers_option
def command(task_name: str | None, encoder_name: str | None, address: str | None, n_workers: int) -> None:
    """Embed every text of the bank, here or on a Ray cluster.

    Training, drift and discovery then find the vectors. What is known is not embedded
    again, so that the same command takes up one that was interrupted.
    """
    if not (task_name or encoder_name):
        raise click.UsageError("give --task, --encoder, or both")
    import time

    from infra.commands.curve import until
    from infra.commands.trainer import open_workplace
    from infra.processes import stop_on_signal
    from infra.whole_bank import working_on
    from trainer.progress import ShareBar
    from trainer.settings import TrainerSettings
    from trainer.whole_bank.chunks import BankTexts
    from trainer.whole_bank.embedding import embed_bank

    settings = TrainerSettings()
    workplace = open_workplace(settings)
    texts = BankTexts.of(workplace.bank, task_name)
    encoder = _encoder(workplace, settings, task_name, encoder_name)
    with working_on(address, n_workers, settings.threads) as (run, threads), ShareBar("embedding") as bar:
        heard = until(stop_on_signal(), lambda _step, done: bar.report(done))
        begun = time.monotonic()
        done = embed_bank(texts, encoder, workplace.cache, run, threads, lambda share: heard("embedding", share))
        seconds = time.monotonic() - begun
    click.echo(f"{done}; {seconds:.1f} s, {done.n_embedded / max(seconds, 1e-9):,.0f} texts/s")


def _encoder(workplace: Workplace, settings: TrainerSettings, task: str | None, name: str | None) -> Encoder:
    from registry.database import read
    from registry.tasks import get_task
    from trainer.encoders.kinds import open_encoder
    from trainer.materials import gather
    from trainer.recipe import recipe_for, recipe_of

    if task is not None:
        with read(workplace.engine) as session:
            get_task(session, task)
    if name == "subword":
        raise click.UsageError("subword learns from a task's texts: give --task alone, or subword:FOLDER")
    if name is not None:
        return open_encoder(recipe_of({"encoder": name}), [], workplace.cache)
    assert task is not None
    recipe = recipe_for(task, Path(settings.recipes))
    materials = gather(workplace, task, recipe)
    return open_encoder(recipe, materials.train.texts + materials.traffic, workplace.cache)
