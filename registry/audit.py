"""The audit log: what happened, who did it and why, in a chain of hashes that shows any later change."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from registry.errors import RegistryError
from registry.tables import AuditEntry

GENESIS = "0" * 64                                    # the hash before the first entry
BEGINNING = (0, GENESIS)


def record(session: Session, *, action: str, subject: str, actor: str, reason: str = "",
           details: dict[str, Any] | None = None, now: datetime) -> AuditEntry:
    """Add an entry in the transaction of what it tells, so that neither exists without the other."""
    _alone(session)
    last = newest(session)
    entry = AuditEntry(number=1 if last is None else last.number + 1, at=now, actor=actor, action=action,
                       subject=subject, reason=reason, details=details or {},
                       previous_hash=GENESIS if last is None else last.hash, hash="")
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry


def newest(session: Session, *conditions: Any) -> AuditEntry | None:
    """Return the last entry that meets all conditions on `AuditEntry`, None if none does."""
    query = select(AuditEntry).where(*conditions)
    return session.exec(query.order_by(col(AuditEntry.number).desc()).limit(1)).first()


def verify_chain(session: Session) -> int:
    """Return the number of entries; raises RegistryError naming the first that was changed, added or removed."""
    return verify_since(session, BEGINNING)[0]


def verify_since(session: Session, verified: tuple[int, str]) -> tuple[int, str]:
    """Verify what follows an entry, given by its number and hash; return the last, as what the next look begins with.

    Raises RegistryError naming the first entry that was changed, added or removed.
    """
    expected, previous = verified
    for entry in entries(session, after=expected):
        expected += 1
        if entry.number != expected or entry.previous_hash != previous or entry.hash != hash_of(entry):
            raise RegistryError(f"the audit chain breaks at entry {expected}",
                                "compare with a backup: an entry was changed or removed outside HyperMatch")
        previous = entry.hash
    return expected, previous


def entries(session: Session, *, action: str | None = None, subject: str | None = None,
            after: int = 0) -> Iterator[AuditEntry]:
    """Yield entries whose number is beyond `after`, oldest first, without holding them all in memory."""
    query = select(AuditEntry).where(col(AuditEntry.number) > after).order_by(col(AuditEntry.number))
    query = query.execution_options(yield_per=1_000)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    yield from session.exec(query)


def _alone(session: Session) -> None:
    """Let one writer at a time extend the chain; SQLite's write transaction does so already."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(7251971)"))


def hash_of(entry: AuditEntry) -> str:
    """Return the hash that covers all an entry tells, and through the one before it the whole past."""
    told = [entry.number, entry.at.timestamp(), entry.actor, entry.action, entry.subject, entry.reason,
            entry.details, entry.previous_hash]
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
