"""`hypermatch trainer`: retrain whenever it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trainer.settings import TrainerSettings
    from trainer.workplace import Workplace


@click.group("trainer")
def command() -> None:
    """Retrain whenever it is due."""


@command.command("run")
@click.option("--task", "task_name", help="Only this task; all if none is given.")
def run(task_name: str | None) -> None:
    """Look at each task every tick and train where new labels, new text or a person ask for it."""
    import logging
    from datetime import timedelta
    from pathlib import Path

    from infra.processes import stop_on_signal
    from trainer.scheduler.decide import Triggers
    from trainer.scheduler.drift import DriftTriggers
    from trainer.scheduler.loop import Trainer, run_until_stopped
    from trainer.settings import TrainerSettings

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("hypermatch").setLevel(logging.INFO)
    settings, stop = TrainerSettings(), stop_on_signal()
    triggers = Triggers(settings.new_labels, settings.new_texts, timedelta(seconds=settings.cooldown_seconds))
    drift = DriftTriggers(settings.drift_runs_per_day) if settings.is_drift_watched else None
    trainer = Trainer(open_workplace(settings), triggers, Path(settings.recipes), stop, task_name, drift)
    run_until_stopped(trainer, settings.tick_seconds)


def open_workplace(settings: TrainerSettings) -> Workplace:
    """Build what a trainer works with; it reads the bank that ingest writes."""
    from datetime import timedelta
    from functools import partial
    from pathlib import Path

    from infra.language_model import open_language_model
    from infra.processes import process_name
    from infra.roots import open_registry, open_store, utc_now
    from ingest.bank import DataBank
    from ingest.settings import IngestSettings
    from trainer.lineage import code_revision
    from trainer.workplace import Workplace, limit_threads

    limit_threads(settings.threads)
    ingest, engine = IngestSettings(), open_registry()
    return Workplace(engine=engine, store=open_store(), bank=DataBank(ingest.bank, ingest.storage_options),
                     cache=Path(settings.cache), worker=process_name("trainer"), code_revision=code_revision(),
                     now=utc_now, lease=timedelta(seconds=settings.lease_seconds), threads=settings.threads,
                     open_language_model=partial(open_language_model, settings, engine))
