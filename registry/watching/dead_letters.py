"""Notes of dead letters: what ingest could not read, where and why, without the message itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, delete, select

from registry.watching.tables import DeadLetterNote

MAX_NOTES = 1_000                                     # the newest; all of them lie in Kafka


def note_dead_letters(session: Session, notes: Sequence[DeadLetterNote]) -> None:
    """Keep notes, each place once, and forget the oldest beyond MAX_NOTES."""
    for note in notes[-MAX_NOTES:]:
        session.merge(note)
    session.flush()
    beyond = session.exec(select(DeadLetterNote.at).order_by(col(DeadLetterNote.at).desc())
                          .offset(MAX_NOTES - 1).limit(1)).first()
    if beyond is not None:
        session.exec(delete(DeadLetterNote).where(col(DeadLetterNote.at) < beyond))


def list_dead_letters(session: Session, limit: int = 20) -> list[DeadLetterNote]:
    """Return the newest notes, newest first."""
    order = (col(DeadLetterNote.at).desc(), col(DeadLetterNote.topic), col(DeadLetterNote.partition),
             col(DeadLetterNote.offset).desc())
    return list(session.exec(select(DeadLetterNote).order_by(*order).limit(limit)))


def count_dead_letters(session: Session, since: datetime) -> int:
    """Count those noted since then; MAX_NOTES may stand for more."""
    query = select(func.count()).select_from(DeadLetterNote).where(DeadLetterNote.at >= since)
    return int(session.exec(query).one())


def day_before(now: datetime) -> datetime:
    return now - timedelta(days=1)
