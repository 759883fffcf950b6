"""Runs of trainers: asked for, claimed by one worker, reported on, ended."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import NotFound, Refused, RunInProgress
from registry.tables import Run, RunKind, RunState
from registry.tasks import get_task

ABANDONED = "abandoned"                               # what the outcome of a run begins with whose worker died


def request_run(session: Session, task: str, *, actor: str, reason: str, now: datetime) -> Run:
    """Ask for a run; asking again while one waits returns the one that waits."""
    get_task(session, task)
    waiting = requested_run(session, task)
    if waiting is not None:
        return waiting
    run = Run(task=task, state=RunState.REQUESTED, reason=reason, actor=actor, requested_at=now)
    session.add(run)
    session.flush()
    audit.record(session, action="run:requested", subject=f"{task} run {run.id}", actor=actor, reason=reason, now=now)
    return run


def claim_run(session: Session, task: str, *, worker: str, reason: str, actor: str, recipe: dict[str, Any],
              facts: dict[str, Any], now: datetime, kind: RunKind = RunKind.TRAINING) -> Run:
    """Start the requested run, or a new one; raises RunInProgress if the task has a running one.

    A unique index allows one running row per task, so of two workers one is refused. What
    is requested is always training: a discovery is a run of its own.
    """
    get_task(session, task)
    run = requested_run(session, task) if kind is RunKind.TRAINING else None
    if run is None:
        run = Run(task=task, state=RunState.RUNNING, kind=kind, reason=reason, actor=actor, requested_at=now)
    run.state, run.worker, run.recipe, run.facts = RunState.RUNNING, worker, recipe, facts
    run.started_at = run.seen_at = now
    try:
        with session.begin_nested():
            session.add(run)
            session.flush()
    except IntegrityError as error:
        raise RunInProgress(f"task {task} has a run in progress", "wait for it: `hypermatch runs list`") from error
    audit.record(session, action="run:started", subject=f"{task} run {run.id}", actor=run.actor, reason=run.reason,
                 now=now, details={"worker": worker})
    return run


def report_progress(session: Session, run_id: int, *, step: str, progress: float, now: datetime) -> None:
    """Say how far a run is, `progress` in [0, 1], and that its worker lives."""
    run = get_run(session, run_id)
    run.step, run.progress, run.seen_at = step, progress, now


def finish_run(session: Session, run_id: int, *, version_number: int | None, outcome: str, now: datetime,
               costs: dict[str, float] | None = None) -> None:
    """End a run that did its work, whatever the gate said of the result; `costs` are a language model's."""
    run = _end(session, run_id, RunState.SUCCEEDED, outcome, now, costs)
    run.version_number, run.progress = version_number, 1.0


def fail_run(session: Session, run_id: int, *, outcome: str, now: datetime,
             costs: dict[str, float] | None = None) -> None:
    """End a run that could not do its work; what it had spent by then is spent."""
    _end(session, run_id, RunState.FAILED, outcome, now, costs)


def abandon_stale_runs(session: Session, *, silent_for: timedelta, now: datetime) -> list[Run]:
    """Fail the running runs whose worker has not reported for `silent_for`, and return them.

    A report from further ahead than that was dated by a clock that ran ahead, and is no sign of life.
    """
    is_stale = or_(col(Run.seen_at) < now - silent_for, col(Run.seen_at) > now + silent_for)
    query = select(Run).where(Run.state == RunState.RUNNING, is_stale)
    stale = list(session.exec(query))
    for run in stale:
        fail_run(session, run.id or 0, outcome=f"{ABANDONED}: {run.worker} stopped reporting", now=now)
    return stale


def get_run(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


def requested_run(session: Session, task: str) -> Run | None:
    return session.exec(select(Run).where(Run.task == task, Run.state == RunState.REQUESTED)).first()


def active_run(session: Session, task: str) -> Run | None:
    return session.exec(select(Run).where(Run.task == task, Run.state == RunState.RUNNING)).first()


def last_run(session: Session, task: str) -> Run | None:
    """Return the run that ended last."""
    query = select(Run).where(Run.task == task, col(Run.ended_at).is_not(None))
    return session.exec(query.order_by(col(Run.ended_at).desc()).limit(1)).first()


def list_runs(session: Session, task: str | None = None, limit: int = 50, kind: RunKind | None = None) -> list[Run]:
    """Return the newest runs, newest first, of one kind if it is given."""
    query = select(Run).order_by(col(Run.id).desc()).limit(limit)
    query = query if kind is None else query.where(Run.kind == kind)
    return list(session.exec(query if task is None else query.where(Run.task == task)))


def _end(session: Session, run_id: int, state: RunState, outcome: str, now: datetime,
         costs: dict[str, float] | None = None) -> Run:
    run = get_run(session, run_id)
    if run.state is not RunState.RUNNING:
        raise Refused(f"run {run_id} of {run.task} is {run.state.value}, not running")
    run.state, run.outcome, run.ended_at = state, outcome, now
    if costs is not None:
        run.facts = run.facts | {"costs": costs}
    audit.record(session, action=f"run:{state.value}", subject=f"{run.task} run {run.id}", actor=run.worker,
                 reason=outcome, now=now)
    return run
