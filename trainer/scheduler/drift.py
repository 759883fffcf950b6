"""Watches for drift when a window is full: look, advise, and act within the day's budget."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from ingest.bank.tally import Tally
from registry.database import read, write
from registry.drift import last_drift_check, list_drift_checks, n_acted_on, record_drift_check
from registry.lifecycle.runs import active_run, request_run, requested_run
from registry.lifecycle.versions import champion_of, latest_version
from registry.tables import DriftCheck, ModelVersion, Stage
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import Advice, DriftReport, advise
from trainer.drift.sequence import is_confirmed, n_alarms
from trainer.drift.tick import Look, look_at_bank
from trainer.errors import NotAnswered
from trainer.workplace import Workplace

DAY = timedelta(days=1)
EXPLAINS = (Stage.CANDIDATE, Stage.EVALUATED, Stage.AWAITING_APPROVAL, Stage.APPROVED)
Follow = Callable[[Workplace, str, Look], None]       # does what is advised of a task's window


def nothing_follows(_workplace: Workplace, _task: str, _found: Look) -> None:
    """Leave what is advised to people, who see it among the checks."""


@dataclass(frozen=True)
class DriftTriggers:
    """How often drift may lead to something, what that is, and whether it may at all."""

    runs_per_day: int
    cooldown: timedelta = timedelta(0)                # after anything that was done about drift
    is_dry_run: bool = False
    seconds_per_tick: float = 5.0                     # of answering texts; the next tick goes on
    discover: Follow = nothing_follows                # looks for new classes
    ask: Follow = nothing_follows                     # asks people for labels
    keep: Callable[[str, DriftCheck, Look], None] = lambda _task, _check, _found: None


def watch(workplace: Workplace, tally: Tally, task: str, recipe: DriftRecipe, triggers: DriftTriggers,
          seed: int) -> DriftCheck | None:
    """Look if a window was banked since the last look; return the check, None if none is due or it is not done yet.

    Raises NotWatchable where nothing can be seen until more is banked or another version is promoted.
    """
    if not is_due(workplace, tally, task, recipe):
        return None
    try:
        found = look_at_bank(workplace, task, recipe, seed, max_seconds=triggers.seconds_per_tick)
    except (NotAnswered, FileNotFoundError):          # the latter where the bank was rewritten in this instant
        return None
    return act(workplace, task, found, recipe, triggers)


def standing(workplace: Workplace, tally: Tally, task: str) -> tuple[int | None, int | None]:
    """Return what a look depends on: the bank's version and the champion's number."""
    with read(workplace.engine) as session:
        champion = champion_of(session, task)
    return tally.version, None if champion is None else champion.number


def is_due(workplace: Workplace, tally: Tally, task: str, recipe: DriftRecipe) -> bool:
    """Say whether the champion has a whole window of texts that no look has covered."""
    with read(workplace.engine) as session:
        champion, last = champion_of(session, task), last_drift_check(session, task)
    if champion is None or tally.version is None:
        return False
    looked = [] if last is None else [(last.bank_version, last.at)]
    trained = [] if champion.bank_version is None else [(champion.bank_version, champion.created_at)]
    since = max([*looked, *trained], default=(None, None))
    return tally.n_texts(task, *since) >= recipe.window_texts


def act(workplace: Workplace, task: str, found: Look, recipe: DriftRecipe, triggers: DriftTriggers) -> DriftCheck:
    """Keep the check, and do what is advised if nothing stands in the way."""
    now = workplace.now()
    with write(workplace.engine) as session:
        advice, reason = advise_now(session, task, found, recipe)
        blocked = None if advice == "wait" else why_not(session, task, found.version, triggers, now)
        told: Advice = advice if blocked is None else "wait"
        run = request_run(session, task, actor="drift", reason=reason, now=now) if told == "retrain" else None
        said = found.report.to_dict() | {"reason": reason if blocked is None else f"{reason}; {blocked}"}
        check = record_drift_check(session, task, bank_version=found.bank_version, advice=told, report=said,
                                   version_number=found.version.number, run_id=None if run is None else run.id, now=now)
    if told == "discover":
        triggers.discover(workplace, task, found)
    elif told == "ask for labels":
        triggers.ask(workplace, task, found)
    triggers.keep(task, check, found)
    return check


def advise_now(session: Session, task: str, found: Look, recipe: DriftRecipe) -> tuple[Advice, str]:
    """Advise on a window in the light of those before it: one alarm alone may be chance."""
    before = alarms_before(session, task, found.version.number, recipe)
    return confirmed(found.report, [*before, found.report.is_alarm], recipe)


def confirmed(report: DriftReport, alarms: list[bool], recipe: DriftRecipe) -> tuple[Advice, str]:
    """Advise what the report does, but wait where too few of the last windows alarmed; `alarms` ends with its own."""
    advice, reason = advise(report)
    if report.is_alarm and not is_confirmed(alarms, recipe):
        n = n_alarms(alarms, recipe)
        return "wait", f"{reason}; {n} of the last {recipe.of_windows} windows, {recipe.confirming_alarms} are needed"
    return advice, reason


def alarms_before(session: Session, task: str, version_number: int, recipe: DriftRecipe) -> list[bool]:
    """Return which of the last windows alarmed against the same champion, oldest first."""
    checks = list_drift_checks(session, task, limit=recipe.of_windows - 1) if recipe.of_windows > 1 else []
    return [check.is_alarm for check in reversed(checks) if check.version_number == version_number]


def why_not(session: Session, task: str, champion: ModelVersion, triggers: DriftTriggers,
            now: datetime) -> str | None:
    """Return what stands in the way of doing anything about drift, None if nothing does."""
    newest = latest_version(session, task)
    if triggers.is_dry_run:
        return "dry run"
    if active_run(session, task) is not None or requested_run(session, task) is not None:
        return "a run is on its way"
    if newest is not None and newest.number > champion.number and newest.stage in EXPLAINS:
        return f"v{newest.number} may explain it and is {newest.stage.value}"
    if n_acted_on(session, task, now - triggers.cooldown):
        return f"cooling down for {triggers.cooldown.total_seconds():.0f} s after the last time"
    if n_acted_on(session, task, now - DAY) >= triggers.runs_per_day:
        return f"the budget of {triggers.runs_per_day} a day is spent"
    return None
