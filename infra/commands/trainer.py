"""`hypermatch trainer`: retrain whenever it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from registry.tables import DriftCheck
    from trainer.drift.tick import Look
    from trainer.scheduler.drift import DriftTriggers
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
    from ingest.bank.tally import Tally
    from registry.database import write
    from registry.telemetry.logs import configure_logs
    from registry.telemetry.settings import TelemetrySettings
    from trainer.language_model.prompts.stored import keep_packaged
    from trainer.metrics import Metrics
    from trainer.scheduler.decide import Triggers
    from trainer.scheduler.loop import Trainer, run_until_stopped
    from trainer.scheduler.upkeep import duties
    from trainer.settings import TrainerSettings

    configure_logs(TelemetrySettings(), {"hypermatch": logging.INFO})
    settings, stop = TrainerSettings(), stop_on_signal()
    triggers = Triggers(settings.new_labels, settings.new_texts, timedelta(seconds=settings.cooldown_seconds))
    workplace, metrics = open_workplace(settings), Metrics()
    drift = drift_triggers(settings, workplace, stop) if settings.is_drift_watched else None
    with write(workplace.engine) as session:
        keep_packaged(session, workplace.now())
    trainer = Trainer(workplace, triggers, Path(settings.recipes), stop, Tally(workplace.bank), task_name,
                      drift, metrics)
    metrics.serve(settings.metrics_host, settings.metrics_port)
    upkeep = duties(workplace, stop, compact_hours=settings.compact_hours, retain_days=settings.retain_days,
                    vacuum_hours=settings.vacuum_hours)
    run_until_stopped(trainer, settings.tick_seconds, upkeep)


def drift_triggers(settings: TrainerSettings, workplace: Workplace, stop: Event | None = None) -> DriftTriggers:
    """Say what drift may lead to: runs, proposals of classes, questions to people, and pages that show each look."""
    from datetime import timedelta
    from pathlib import Path
    from threading import Event

    from trainer.asking.drifted import ask_about
    from trainer.scheduler.discovery import discovering
    from trainer.scheduler.drift import DriftTriggers

    return DriftTriggers(settings.drift_runs_per_day, timedelta(seconds=settings.drift_cooldown_seconds),
                         settings.is_drift_dry_run, settings.drift_seconds_per_tick,
                         discover=discovering(Path(settings.recipes), stop or Event()), ask=ask_about,
                         keep=keep_page(settings, workplace))


def keep_page(settings: TrainerSettings, workplace: Workplace) -> Callable[[str, DriftCheck, Look], None]:
    """Return what shows a look in Evidently's workspace; a page that fails is logged and stops nothing."""
    import logging
    from pathlib import Path

    from registry.database import write
    from registry.drift import name_page
    from registry.errors import HyperMatchError

    log = logging.getLogger("hypermatch.trainer")

    def keep(task: str, check: DriftCheck, found: Look) -> None:
        if not settings.reports or check.id is None:
            return
        try:
            from trainer.drift.snapshots import keep_snapshot  # here, because Evidently takes seconds to import

            kept = keep_snapshot(Path(settings.reports), task, check.id, found, check.at)
            with write(workplace.engine) as session:
                name_page(session, check.id, str(kept.page))
        except HyperMatchError as error:              # the registry went away meanwhile
            log.warning("%s: check %s cannot be shown: %s", task, check.id, error)
        except Exception:                             # Evidently only shows
            log.exception("%s: check %s cannot be shown", task, check.id)

    return keep


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
    from registry.settings import RegistrySettings
    from registry.signing import open_signer
    from trainer.lineage import code_revision
    from trainer.workplace import Workplace, limit_threads

    limit_threads(settings.threads)
    ingest, engine = IngestSettings(), open_registry()
    return Workplace(engine=engine, store=open_store(), bank=DataBank(ingest.bank, ingest.storage_options),
                     cache=Path(settings.cache), worker=process_name("trainer"), code_revision=code_revision(),
                     now=utc_now, lease=timedelta(seconds=settings.lease_seconds), threads=settings.threads,
                     signer=open_signer(RegistrySettings().signing_key),
                     open_language_model=partial(open_language_model, settings, engine))
