"""How far a task's newest flip is: who holds the version, who is awaited and until when, its moment, how it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from registry.audit import newest
from registry.heartbeats import live
from registry.lifecycle.aliases import alias_of
from registry.lifecycle.flipping import held
from registry.lifecycle.flips import FLIPPED, GIVEN_UP, STARTED, flip_of
from registry.tables import Alias, AliasName, AuditEntry, Heartbeat, ModelVersion

TOLD_FOR = timedelta(days=7)                          # after its end, unless the champion changes before
MAX_SETBACKS = 3
LED = ("model:promoted", "model:rolled_back")         # what makes a champion


class FlipState(StrEnum):
    """Where a flip stands."""

    PREPARING = "preparing"
    APPOINTED = "appointed"                           # committed; its moment is ahead
    FLIPPED = "flipped"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class FlipProgress:
    """A flip as people follow it."""

    version_number: int
    state: FlipState
    asked_by: str
    reason: str
    asked_at: datetime
    until: datetime | None = None                     # while it is prepared: when its time is over ...
    goes_on_then: bool = False                        # ... without the awaited, as a roll back does, or is given up
    from_at: datetime | None = None                   # its moment, by the database's clock
    ended_by: str = ""                                # who committed it or gave it up: a person or a server
    says: str = ""                                    # ... and why
    ended_at: datetime | None = None
    ready: Sequence[str] = ()                         # live servers that hold it, or answer with it after its moment
    awaited: Sequence[str] = ()                       # ... and those that did not say so yet
    setbacks: Sequence[str] = ()                      # why a server could not load it, the newest first

    @property
    def is_followed(self) -> bool:
        """Say whether it goes on by itself: until it is given up, or every server answers with the version."""
        return self.state in (FlipState.PREPARING, FlipState.APPOINTED) or bool(self.awaited)

    @property
    def n_servers(self) -> int:
        return len(self.ready) + len(self.awaited)

    @property
    def share_ready(self) -> float:
        return len(self.ready) / self.n_servers if self.n_servers else 0.0


def flip_progress(session: Session, task: str, now: datetime) -> FlipProgress | None:
    """Return how far the newest flip of a task is, None if there is none that still tells of what serves.

    `now` is by the database's clock.
    """
    flip, champion = flip_of(session, task), alias_of(session, task, AliasName.CHAMPION)
    if flip is not None and flip.terms is not None:
        return _preparing(session, flip, flip.terms, now)
    return _given_up(session, task, champion, now) or (None if champion is None else _flipped(session, champion, now))


def _preparing(session: Session, flip: Alias, terms: dict[str, Any], now: datetime) -> FlipProgress:
    version = _version(session, flip)
    ready, awaited = _parted(live(session, now, "server"), lambda server: version.digest in held(server, flip.task))
    return FlipProgress(version.number, FlipState.PREPARING, terms["actor"], terms["reason"], flip.changed_at,
                        until=datetime.fromisoformat(terms["give_up_at"]), goes_on_then=version.was_champion,
                        ready=ready, awaited=awaited, setbacks=_setbacks(session, _name(flip)) if awaited else ())


def _given_up(session: Session, task: str, champion: Alias | None, now: datetime) -> FlipProgress | None:
    """Tell of the flip that was given up last, unless it is long over or another version leads since."""
    ended = _newest(session, GIVEN_UP, col(AuditEntry.subject).startswith(f"{task} v", autoescape=True))
    if ended is None or now - ended.at > TOLD_FOR:
        return None
    started = _newest(session, STARTED, AuditEntry.subject == ended.subject, AuditEntry.number < ended.number)
    if started is None or (champion is not None and _led_since(session, champion, ended)):
        return None
    return FlipProgress(int(ended.subject.rpartition(" v")[2]), FlipState.GIVEN_UP, started.actor, started.reason,
                        started.at, ended_by=ended.actor, says=ended.reason, ended_at=ended.at,
                        setbacks=_setbacks(session, ended.subject))


def _flipped(session: Session, champion: Alias, now: datetime) -> FlipProgress | None:
    """Tell of the flip that made the champion, if one did, until it is long over."""
    subject = AuditEntry.subject == _name(champion)
    started, ended = _newest(session, STARTED, subject), _newest(session, FLIPPED, subject)
    if champion.from_at is None or now - champion.from_at > TOLD_FOR or started is None or ended is None:
        return None
    is_ahead = now < champion.from_at                 # until then a server may say nothing of what it has ready
    ready, awaited = _parted([] if is_ahead else live(session, now, "server"), lambda server: (
        server.says.get("serves", {}).get(champion.task) == champion.version_number))
    return FlipProgress(champion.version_number, FlipState.APPOINTED if is_ahead else FlipState.FLIPPED, started.actor,
                        started.reason, started.at, from_at=champion.from_at, ended_by=ended.actor, says=ended.reason,
                        ended_at=ended.at, ready=ready, awaited=awaited)


def _led_since(session: Session, champion: Alias, entry: AuditEntry) -> bool:
    """Say whether the champion became it after an entry; by the log's order, because clocks may differ."""
    later = select(AuditEntry.number).where(
        AuditEntry.subject == _name(champion), col(AuditEntry.action).in_(LED), AuditEntry.number > entry.number)
    return session.exec(later.limit(1)).first() is not None


def _parted(servers: Sequence[Heartbeat], is_ready: Callable[[Heartbeat], bool]) -> tuple[list[str], list[str]]:
    ready = [server.process for server in servers if is_ready(server)]
    return ready, [server.process for server in servers if server.process not in ready]


def _setbacks(session: Session, subject: str) -> list[str]:
    """Return why servers could not load a version; each reason is in the audit log once, however many had it."""
    query = select(AuditEntry.reason).where(AuditEntry.subject == subject, AuditEntry.action == "model:swap_failed")
    return list(session.exec(query.order_by(col(AuditEntry.number).desc()).limit(MAX_SETBACKS)))


def _newest(session: Session, action: str, *about: Any) -> AuditEntry | None:
    return newest(session, AuditEntry.action == action, *about)


def _version(session: Session, alias: Alias) -> ModelVersion:
    """Return what an alias points at, without the lock of those who decide on it: many only look."""
    return session.exec(select(ModelVersion).where(ModelVersion.task == alias.task,
                                                   ModelVersion.number == alias.version_number)).one()


def _name(alias: Alias) -> str:
    return f"{alias.task} v{alias.version_number}"
