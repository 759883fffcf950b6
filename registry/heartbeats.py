"""Heartbeats: processes report that they live, and `doctor` sees those that stopped."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from registry.tables import Heartbeat

MISSED_BEATS = 3                                      # a process is silent once it missed this many


def beat(session: Session, *, process: str, kind: str, interval_seconds: float, says: dict[str, Any],
         now: datetime) -> None:
    """Say that `process` lives and will report again within `interval_seconds`."""
    session.merge(Heartbeat(process=process, kind=kind, interval_seconds=interval_seconds, says=says,
                            seen_at=now, stopped_at=None))


def stop_beating(session: Session, *, process: str, now: datetime) -> None:
    """Say that `process` ends on purpose and will not be missed."""
    heartbeat = session.get(Heartbeat, process)
    if heartbeat is not None:
        heartbeat.stopped_at = now


def live(session: Session, now: datetime, kind: str | None = None) -> list[Heartbeat]:
    """Return the processes that still report."""
    return [heartbeat for heartbeat in _running(session, kind) if not is_silent(heartbeat, now)]


def silent(session: Session, now: datetime) -> list[Heartbeat]:
    """Return the processes that stopped reporting without saying so."""
    return [heartbeat for heartbeat in _running(session) if is_silent(heartbeat, now)]


def is_silent(heartbeat: Heartbeat, now: datetime) -> bool:
    """Say whether it missed its beats; one from the future was dated by a clock that ran ahead, and tells nothing."""
    return abs(now - heartbeat.seen_at) > timedelta(seconds=MISSED_BEATS * heartbeat.interval_seconds)


def _running(session: Session, kind: str | None = None) -> list[Heartbeat]:
    query = select(Heartbeat).where(col(Heartbeat.stopped_at).is_(None)).order_by(col(Heartbeat.process))
    if kind is not None:
        query = query.where(Heartbeat.kind == kind)
    return list(session.exec(query))
