"""Maps of discoveries: the newest one of each task, erased with the texts that it shows."""

from sqlmodel import Session, col, delete

from registry.tasks import get_task
from registry.watching.tables import DiscoveryMap

MAX_POINTS = 2_000                                    # what a browser draws without stutter
MAX_CHARS = 160                                       # of a text, to be read while hovering


def keep_map(session: Session, found: DiscoveryMap) -> None:
    """Put the map in the place of the task's one before."""
    get_task(session, found.task)
    if len(found.points) > MAX_POINTS:
        raise ValueError(f"a map has at most {MAX_POINTS} points, not {len(found.points)}")
    session.merge(found)
    session.flush()


def map_of(session: Session, task: str) -> DiscoveryMap | None:
    return session.get(DiscoveryMap, task)


def forget_maps(session: Session, bank_version: int) -> None:
    """Drop the maps made from `bank_version` on, since they may show erased texts; the next discovery draws anew."""
    session.exec(delete(DiscoveryMap).where(col(DiscoveryMap.bank_version) >= bank_version))
