"""Asks for a flip, commits it once every live server holds the version, and gives it up when its time is over."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine
from sqlmodel import Session

from registry import audit
from registry.database import database_time, read, write
from registry.errors import Stale
from registry.heartbeats import live
from registry.lifecycle.aliases import drop_alias
from registry.lifecycle.flips import FLIPPED, flip_of, give_up_flip, start_flip
from registry.lifecycle.promotion import check_promotion, check_roll_back, previous_number, promote, roll_back
from registry.lifecycle.stages import check_person, name_of
from registry.lifecycle.versions import get_version
from registry.tables import Heartbeat, ModelVersion

LEAD_POLLS = 2                                        # between commit and flip: every server asks once in the meantime
PATIENCE = timedelta(minutes=5)                       # until a flip that not every server prepared is over


class Act(StrEnum):
    """What may be done about a flip."""

    WAIT = "wait"
    COMMIT = "commit"
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Decision:
    """What is done about a flip now, why, and from when on all answer with the version."""

    act: Act
    reason: str
    from_at: datetime | None = None


def promote_together(session: Session, task: str, number: int, *, actor: str, reason: str, now: datetime,
                     patience: timedelta = PATIENCE) -> Decision:
    """Have all servers change to an approved version together, refused as `promote` refuses.

    Where no two servers live it is promoted at once. `now` is by the database's clock.
    """
    version = get_version(session, task, number)
    check_person(actor, reason)
    check_promotion(version)
    return _ask(session, version, actor=actor, reason=reason, now=now, patience=patience)


def roll_back_together(session: Session, task: str, number: int | None = None, *, actor: str, reason: str,
                       now: datetime, patience: timedelta = PATIENCE) -> Decision:
    """Have all servers return together to a version that was champion, the one before if no number is given.

    Where all hold it still, as after a swap, nothing needs preparing. `now` is by the database's clock.
    """
    check_person(actor, reason)
    version = get_version(session, task, number if number is not None else previous_number(session, task))
    check_roll_back(version)
    return _ask(session, version, actor=actor, reason=reason, now=now, patience=patience)


def advance(session: Session, task: str, *, by: str, now: datetime) -> Decision:
    """Do what is due about the flip of a task; of many that try at once one succeeds, to the others it is Stale."""
    flip, decision = flip_of(session, task), outlook(session, task, now)
    if flip is None or flip.terms is None:
        return decision
    version = get_version(session, task, flip.version_number)
    if decision.act is Act.COMMIT:
        drop_alias(session, flip)
        _lead(session, version, actor=flip.terms["actor"], reason=flip.terms["reason"], now=now,
              from_at=decision.from_at)
        audit.record(session, action=FLIPPED, subject=name_of(version), actor=by, reason=decision.reason,
                     now=now, details={"from_at": decision.from_at and decision.from_at.isoformat()})
    elif decision.act is Act.GIVE_UP:
        give_up_flip(session, task, actor=by, reason=decision.reason, now=now)
    return decision


def advance_flips(engine: Engine, tasks: Iterable[str], by: str) -> bool:
    """Do what is due about the flips of `tasks`, whichever server comes first for all; say whether anything was."""
    has_changed = False
    for task in tasks:
        with read(engine) as session:
            is_due = outlook(session, task, database_time(session)).act is not Act.WAIT
        if is_due:
            has_changed = True
            with suppress(Stale), write(engine) as session:      # stale: another server was first
                advance(session, task, by=by, now=database_time(session))
    return has_changed


def outlook(session: Session, task: str, now: datetime) -> Decision:
    """Say what is due about the flip of a task; only reads."""
    flip = flip_of(session, task)
    if flip is None or flip.terms is None:
        return Decision(Act.WAIT, "no flip is under way")
    version = get_version(session, task, flip.version_number)
    return decide(version, live(session, now, "server"), datetime.fromisoformat(flip.terms["give_up_at"]), now)


def decide(version: ModelVersion, servers: Sequence[Heartbeat], give_up_at: datetime, now: datetime) -> Decision:
    """Say what is due: once every live server holds the version, or its time is over. Touches nothing.

    A promotion whose time is over is given up, because what serves was good; so is one that
    nobody saw to, as after a restored backup. A roll back goes on with those that hold the
    version, because what serves was not.
    """
    without = [server.process for server in servers if version.digest not in held(server, version.task)]
    told = f"{', '.join(without[:5])}{' and others' if len(without) > 5 else ''}"
    polls = [float(server.says.get("poll_seconds", 0)) for server in servers]
    from_at = now + timedelta(seconds=LEAD_POLLS * max(polls)) if len(polls) > 1 else None
    if now >= give_up_at and not version.was_champion:
        missing = f"time is over and {told} did not prepare it" if told else "time is over"
        return Decision(Act.GIVE_UP, f"{missing}; what served goes on")
    if not without:
        return Decision(Act.COMMIT, f"all of {len(servers)} servers hold it", from_at)
    if now >= give_up_at:
        return Decision(Act.COMMIT, f"time is over, without {told}", from_at)
    return Decision(Act.WAIT, f"{len(without)} of {len(servers)} servers prepare it: {told}")


def held(server: Heartbeat, task: str) -> Sequence[str]:
    """Return the digests that a server holds in memory for a task."""
    found: Sequence[str] = server.says.get("holds", {}).get(task, ())
    return found


def _ask(session: Session, version: ModelVersion, *, actor: str, reason: str, now: datetime,
         patience: timedelta) -> Decision:
    if len(live(session, now, "server")) < 2:
        _lead(session, version, actor=actor, reason=reason, now=now, from_at=None)
        return Decision(Act.COMMIT, "no two servers live")
    start_flip(session, version, actor=actor, reason=reason, give_up_at=now + patience, now=now)
    return advance(session, version.task, by=actor, now=now)


def _lead(session: Session, version: ModelVersion, *, actor: str, reason: str, now: datetime,
          from_at: datetime | None) -> None:
    move = roll_back if version.was_champion else promote
    move(session, version.task, version.number, actor=actor, reason=reason, now=now, from_at=from_at)
