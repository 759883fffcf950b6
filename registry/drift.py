"""Drift checks: kept with their report, counted against the day's budget."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import audit
from registry.tables import DriftCheck
from registry.tasks import get_task

WAIT = "wait"                                         # the advice that leads to nothing


def record_drift_check(session: Session, task: str, *, bank_version: int, version_number: int, advice: str,
                       report: dict[str, Any], run_id: int | None, now: datetime) -> DriftCheck:
    """Keep a check; an alarm is audited."""
    get_task(session, task)
    check = DriftCheck(task=task, at=now, bank_version=bank_version, version_number=version_number,
                       is_alarm=report["is_alarm"], p_value=report["p_value"], advice=advice, reason=report["reason"],
                       report=report, run_id=run_id)
    session.add(check)
    session.flush()
    if check.is_alarm:
        audit.record(session, action="drift:alarmed", subject=f"{task} v{version_number}", actor="trainer",
                     reason=check.reason, now=now, details={"check": check.id, "advice": advice})
    return check


def last_drift_check(session: Session, task: str) -> DriftCheck | None:
    return next(iter(list_drift_checks(session, task, limit=1)), None)


def list_drift_checks(session: Session, task: str, limit: int = 50) -> list[DriftCheck]:
    """Return the newest checks, newest first."""
    query = select(DriftCheck).where(DriftCheck.task == task)
    return list(session.exec(query.order_by(col(DriftCheck.id).desc()).limit(limit)))


def check_behind(session: Session, run_id: int) -> DriftCheck | None:
    """Return the look for drift that asked for a run, None if none did."""
    query = select(DriftCheck).where(DriftCheck.run_id == run_id).order_by(col(DriftCheck.id))
    return session.exec(query.limit(1)).first()


def n_acted_on(session: Session, task: str, since: datetime) -> int:
    """Count the checks since then that led to a run, to discovery or to asking people."""
    query = select(func.count()).select_from(DriftCheck).where(
        DriftCheck.task == task, DriftCheck.advice != WAIT, DriftCheck.at > since)
    return int(session.exec(query).one())


def name_page(session: Session, check_id: int, page: str) -> None:
    """Keep where the page of a check is, for the console to show."""
    check = session.get(DriftCheck, check_id)
    if check is not None:
        check.report = {**check.report, "page": page}
