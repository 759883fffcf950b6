"""Leases: one holder at a time, for as long as it keeps renewing."""

from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from registry.tables import Lease

TURN = "turn:"                                        # begins the names of turns, which need no living holder
FURTHEST = 3                                          # durations that a lease may reach ahead; no holder takes so long


def acquire(session: Session, name: str, holder: str, *, duration: timedelta, now: datetime) -> Lease | None:
    """Take or renew the lease until `now + duration`; None if somebody else holds it.

    `token` grows with every change of holder, so that a holder which slept can be told from its successor.
    """
    lease = session.exec(select(Lease).where(Lease.name == name).with_for_update()).first()
    if lease is None:
        return _first(session, name, holder, duration=duration, now=now)
    if lease.holder != holder:
        if _binds(lease, duration, now):
            return None
        lease.holder, lease.token = holder, lease.token + 1
    lease.expires_at = now + duration
    session.flush()
    return lease


def take_turn(session: Session, name: str, holder: str, *, every: timedelta, now: datetime) -> bool:
    """Take the turn that lasts until `now + every`; False while the last one does, whoever took it.

    What is to be done once in a while is so done by one process of many, and restarts do not bring it forward.
    """
    name = TURN + name
    lease = session.get(Lease, name)
    if lease is not None and _binds(lease, every, now):
        return False
    return acquire(session, name, holder, duration=every, now=now) is not None


def release(session: Session, name: str, holder: str, *, now: datetime) -> None:
    """Give the lease back at once; the row stays, and with it the token."""
    lease = session.get(Lease, name)
    if lease is not None and lease.holder == holder:
        lease.expires_at = now


def _binds(lease: Lease, duration: timedelta, now: datetime) -> bool:
    """Say whether a lease still runs.

    One that reaches FURTHEST durations ahead was written by a clock that ran ahead, and binds nobody:
    whoever wrote it may be dead, and would block its task for as long as the clock was wrong.
    """
    return now < lease.expires_at < now + FURTHEST * duration


def _first(session: Session, name: str, holder: str, *, duration: timedelta, now: datetime) -> Lease | None:
    try:
        with session.begin_nested():
            lease = Lease(name=name, holder=holder, token=1, expires_at=now + duration)
            session.add(lease)
        return lease
    except IntegrityError:                            # another process inserted the row in the same instant
        return None
