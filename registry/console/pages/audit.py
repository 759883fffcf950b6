"""The audit log: filtered, verified, exported."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from starlette.responses import Response, StreamingResponse

from registry import audit
from registry.console.visits import Visit
from registry.database import read
from registry.errors import RegistryError
from registry.tables import AuditEntry

PER_PAGE = 50
FEW = 2_000                                           # entries, which a database sorts in a moment


def show(visit: Visit) -> Response:
    """List entries, the newest first; older ones follow from a number on, which stays quick in a long log."""
    action, actor, subject = (visit.asked(name) for name in ("action", "actor", "subject"))
    query = select(AuditEntry).where(*_about(visit, subject))
    if action:
        query = query.where(AuditEntry.action == action)
    if actor:
        query = query.where(AuditEntry.actor == actor)
    before = visit.number("before", default=0, most=10**9)
    if before:
        query = query.where(AuditEntry.number < before)
    rows = list(visit.session.exec(query.order_by(col(AuditEntry.number).desc()).limit(PER_PAGE + 1)))
    return visit.show("audit.html", rows=rows[:PER_PAGE], has_more=len(rows) > PER_PAGE, action=action, actor=actor,
                      subject=subject, verified=_verified(visit), before=before)


def export(visit: Visit) -> Response:
    """Send the whole log as JSON Lines, with its hashes, so that it can be verified elsewhere."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(_lines(visit), media_type="application/jsonl; charset=utf-8", headers=headers)


def _about(visit: Visit, subject: str) -> list[Any]:
    """Select what begins with `subject`: few entries by their numbers, many by walking the log from its end.

    No database knows which of the two it is, and a million entries are long to sort, or to
    walk in vain.
    """
    if not subject:
        return []
    numbers = select(AuditEntry.number).where(*_begins_with(visit, subject)).limit(FEW)
    found = list(visit.session.exec(numbers))
    if len(found) < FEW:
        return [col(AuditEntry.number).in_(found)]
    return [func.substr(AuditEntry.subject, 1, len(subject)) == subject]       # no index serves this


def _begins_with(visit: Visit, subject: str) -> list[Any]:
    """Select by a prefix so that the index is used: SQLite's LIKE ignores case and with it every index."""
    if visit.console.engine.dialect.name == "sqlite":
        return [AuditEntry.subject >= subject, AuditEntry.subject < subject + "\U0010ffff"]
    return [col(AuditEntry.subject).startswith(subject, autoescape=True)]


def _verified(visit: Visit) -> dict[str, object] | None:
    if visit.asked("verify") != "1":
        return None
    try:
        return {"is_sound": True, "n_entries": audit.verify_chain(visit.session)}
    except RegistryError as error:
        return {"is_sound": False, "says": str(error)}


def _lines(visit: Visit) -> Iterator[str]:
    with read(visit.console.engine) as session:
        for entry in audit.entries(session):
            yield json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) + "\n"
