"""Watches for drift when a window is full: look, advise, and ask for a run within the day's budget."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from registry.database import read, write
from registry.drift import last_drift_check, n_runs_from_drift, record_drift_check
from registry.lifecycle.runs import active_run, request_run, requested_run
from registry.lifecycle.versions import champion_of, latest_version
from registry.tables import DriftCheck, Stage
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import Advice, advise
from trainer.drift.tick import Look, look_at_bank
from trainer.errors import NotWatchable
from trainer.workplace import Workplace

DAY = timedelta(days=1)


@dataclass(frozen=True)
class DriftTriggers:
    """How often drift may lead to a run, and whether it may at all."""

    runs_per_day: int
    is_dry_run: bool = False


def watch(workplace: Workplace, task: str, recipe: DriftRecipe, triggers: DriftTriggers,
          seed: int) -> DriftCheck | None:
    """Look if a window was banked since the last look; return the check, None if none is due."""
    if not is_due(workplace, task, recipe):
        return None
    try:
        found = look_at_bank(workplace, task, recipe, seed)
    except NotWatchable:
        return None
    return act(workplace, task, found, triggers)


def is_due(workplace: Workplace, task: str, recipe: DriftRecipe) -> bool:
    """Say whether the champion has a whole window of texts that no look has covered."""
    with read(workplace.engine) as session:
        champion, last = champion_of(session, task), last_drift_check(session, task)
    if champion is None or workplace.bank.version is None:
        return False
    since = [each for each in (champion.bank_version, None if last is None else last.bank_version) if each is not None]
    return workplace.bank.n_texts(task, since_version=max(since, default=None)) >= recipe.window_texts


def act(workplace: Workplace, task: str, found: Look, triggers: DriftTriggers) -> DriftCheck:
    """Keep the check, and ask for a run if that is advised and nothing stands in the way."""
    now = workplace.now()
    with write(workplace.engine) as session:
        advice, reason = advise(found.report)
        blocked = why_not_run(session, task, triggers, now) if advice == "retrain" else None
        is_run = advice == "retrain" and blocked is None
        run = request_run(session, task, actor="drift", reason=reason, now=now) if is_run else None
        told: Advice = advice if blocked is None else "wait"
        said = found.report.to_dict() | {"reason": reason if blocked is None else f"{reason}; {blocked}"}
        return record_drift_check(session, task, bank_version=found.bank_version, advice=told, report=said,
                                  version_number=found.version.number, run_id=None if run is None else run.id, now=now)


def why_not_run(session: Session, task: str, triggers: DriftTriggers, now: datetime) -> str | None:
    """Return what stands in the way of a run, None if nothing does."""
    newest = latest_version(session, task)
    if triggers.is_dry_run:
        return "dry run"
    if active_run(session, task) is not None or requested_run(session, task) is not None:
        return "a run is on its way"
    if newest is not None and newest.stage is Stage.AWAITING_APPROVAL:
        return f"v{newest.number} may explain it and awaits approval"
    if n_runs_from_drift(session, task, now - DAY) >= triggers.runs_per_day:
        return f"the budget of {triggers.runs_per_day} runs a day is spent"
    return None
