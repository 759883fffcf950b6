"""What runs log, line by line: a bounded record, so that nobody needs the trainer's machine to see what happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry.watching.tables import RunLine

MAX_LINES = 500                                       # of a run; the last one says that it goes on elsewhere
MAX_CHARS = 500
FULL = "more was logged: see the trainer's own log"


class Line(NamedTuple):
    """One line before it is kept."""

    at: datetime
    level: str
    says: str


def keep_lines(session: Session, run_id: int, lines: Sequence[Line]) -> int:
    """Add lines to a run's record and return how many were kept; once it is full it says so and takes no more."""
    n_before = int(session.exec(select(func.count()).select_from(RunLine).where(RunLine.run_id == run_id)).one())
    room = MAX_LINES - n_before
    if room <= 0 or not lines:
        return 0
    kept = list(lines[:room])
    if len(lines) > room or n_before + len(kept) == MAX_LINES:
        kept[-1] = Line(kept[-1].at, "WARNING", FULL)
    session.add_all(RunLine(run_id=run_id, at=line.at, level=line.level[:10],
                            says=line.says.replace("\0", "")[:MAX_CHARS]) for line in kept)
    session.flush()
    return len(kept)


def lines_of(session: Session, run_id: int, after: int = 0) -> list[RunLine]:
    """Return the lines of a run behind the line numbered `after`, oldest first."""
    query = select(RunLine).where(RunLine.run_id == run_id, col(RunLine.id) > after)
    return list(session.exec(query.order_by(col(RunLine.id))))
