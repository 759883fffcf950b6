"""Requests to look for new classes now: a person asks, and each waits until a trainer has answered it."""

from datetime import datetime

from sqlmodel import Session, col, func, select

from registry import audit
from registry.errors import Refused
from registry.lifecycle.runs import ABANDONED
from registry.lifecycle.versions import champion_of
from registry.tables import AuditEntry, Run, RunKind
from registry.tasks import get_task
from registry.watching.tables import DiscoveryRequest

ANSWERED = "discovery:answered"


def request_discovery(session: Session, task: str, *, actor: str, reason: str, now: datetime) -> DiscoveryRequest:
    """Ask for a discovery; asking again returns the one that waits. Raises Refused without a champion."""
    get_task(session, task)
    waiting = requested_discovery(session, task)
    if waiting is not None:
        return waiting
    if champion_of(session, task) is None:
        raise Refused(f"task {task} has no champion, and without one nobody can tell what is new",
                      "approve and promote a version first")
    request = DiscoveryRequest(task=task, actor=actor, reason=reason, at=now)
    session.add(request)
    session.flush()
    audit.record(session, action="discovery:requested", subject=task, actor=actor, reason=reason, now=now)
    return request


def requested_discovery(session: Session, task: str) -> DiscoveryRequest | None:
    return session.get(DiscoveryRequest, task)


def still_waits(session: Session, request: DiscoveryRequest) -> bool:
    """Say whether nobody has answered the request meanwhile."""
    found = requested_discovery(session, request.task)
    return found is not None and found.at == request.at


def broken_off(session: Session, request: DiscoveryRequest) -> int:
    """Return how many discoveries ended with their trainer since the request was made."""
    query = select(func.count()).select_from(Run).where(
        Run.task == request.task, Run.kind == RunKind.DISCOVERY, col(Run.requested_at) >= request.at,
        col(Run.outcome).startswith(ABANDONED))
    return session.exec(query).one()


def answer_request(session: Session, task: str, *, says: str, actor: str, now: datetime) -> None:
    """Say what came of it, where people look who asked; from now on the request waits no more."""
    found = session.get(DiscoveryRequest, task, with_for_update=True)
    if found is not None:
        session.delete(found)
    audit.record(session, action=ANSWERED, subject=task, actor=actor, reason=says, now=now)


def last_answer(session: Session, task: str) -> AuditEntry | None:
    """Return what came of the last request."""
    return audit.newest(session, AuditEntry.subject == task, AuditEntry.action == ANSWERED)
