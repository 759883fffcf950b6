"""What the API tells of the installation: its settings without secrets, its processes, dead letters, the audit log."""

import json
from typing import Any

from sqlmodel import Session, col, select
from starlette.requests import Request

from registry import audit
from registry.accounts.roles import Person
from registry.console import installation
from registry.console.api import payloads
from registry.console.api.reading import Json, query_of, row_of
from registry.console.console import Console
from registry.tables import AuditEntry
from registry.watching.dead_letters import list_dead_letters


def settings(console: Console, _: Session, __: Person, ___: Request) -> Json:
    found: dict[str, Any] = {f"{prefix}_{name}".upper(): value for prefix, values in installation.settings_of(console)
                             for name, value in values.items()}
    told: Json = json.loads(json.dumps(found, default=str))
    return told


def processes(console: Console, session: Session, _: Person, __: Request) -> Json:
    return {"items": [{**row_of(beat), "state": state}
                      for beat, state in installation.processes(session, console.now())]}


def dead_letters(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"items": [row_of(note) for note in list_dead_letters(session, limit=200)]}


def audit_entries(_: Console, session: Session, __: Person, request: Request) -> Json:
    query = query_of(payloads.AuditQuery, request)
    statement = select(AuditEntry).where(*(
        getattr(AuditEntry, name) == getattr(query, name) for name in ("action", "actor", "subject")
        if getattr(query, name)))
    if query.before is not None:
        statement = statement.where(AuditEntry.number < query.before)
    rows = session.exec(statement.order_by(col(AuditEntry.number).desc()).limit(query.per_page))
    return {"items": [row_of(entry) for entry in rows]}


def audit_chain(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"n_entries": audit.verify_chain(session)}
