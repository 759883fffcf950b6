"""The one table of legal moves of a model version, and the only function that makes a move."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col

from registry import audit
from registry.errors import IllegalMove, Refused, Stale
from registry.tables import ModelVersion, Stage

MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.CANDIDATE: frozenset({Stage.EVALUATED, Stage.REJECTED}),
    Stage.EVALUATED: frozenset({Stage.AWAITING_APPROVAL, Stage.REJECTED}),
    Stage.AWAITING_APPROVAL: frozenset({Stage.APPROVED, Stage.CHANGES_REQUESTED, Stage.REJECTED}),
    Stage.CHANGES_REQUESTED: frozenset({Stage.AWAITING_APPROVAL, Stage.REJECTED}),
    Stage.APPROVED: frozenset({Stage.CHAMPION, Stage.REJECTED}),
    Stage.CHAMPION: frozenset({Stage.ARCHIVED}),
    Stage.ARCHIVED: frozenset({Stage.CHAMPION}),      # roll back: it was approved once
    Stage.REJECTED: frozenset(),
}

ACTIONS = {
    Stage.EVALUATED: "model:evaluated",
    Stage.AWAITING_APPROVAL: "model:passed_gate",
    Stage.CHANGES_REQUESTED: "model:changes_requested",
    Stage.APPROVED: "model:approved",
    Stage.CHAMPION: "model:promoted",
    Stage.ARCHIVED: "model:archived",
    Stage.REJECTED: "model:rejected",
}


def check_move(version: ModelVersion, to: Stage) -> None:
    """Raise IllegalMove, naming what may follow, unless `version` may move to `to`."""
    allowed = MOVES[version.stage]
    if to not in allowed:
        follow = " or ".join(sorted(stage.value for stage in allowed)) or "nothing: it is final"
        raise IllegalMove(f"{name_of(version)} is {version.stage.value} and cannot become {to.value}",
                          f"after {version.stage.value} comes {follow}")


def move(session: Session, version: ModelVersion, to: Stage, *, actor: str, reason: str, now: datetime,
         action: str | None = None, details: dict[str, Any] | None = None) -> None:
    """Make a legal move together with its audit entry; raises Stale if somebody else moved it meanwhile."""
    check_move(version, to)
    was = version.stage
    _set_stage(session, version, to)
    audit.record(session, action=action or ACTIONS[to], subject=name_of(version), actor=actor, reason=reason, now=now,
                 details={"from": was.value, "digest": version.digest, **(details or {})})


def _set_stage(session: Session, version: ModelVersion, to: Stage) -> None:
    """Compare and swap: of two whose transactions overlap, the second is told that the first decided otherwise."""
    session.flush()
    as_read = (col(ModelVersion.id) == version.id, col(ModelVersion.stage) == version.stage)
    statement = update(ModelVersion).where(*as_read).values(stage=to).execution_options(synchronize_session=False)
    stale = Stale(f"somebody else decided on {name_of(version)} meanwhile", "look again before deciding")
    try:
        if session.connection().execute(statement).rowcount != 1:
            raise stale
    except IntegrityError as error:                   # another version became the champion in the same instant
        raise stale from error
    set_committed_value(version, "stage", to)


def name_of(version: ModelVersion) -> str:
    return f"{version.task} v{version.number}"


def check_person(actor: str, reason: str) -> None:
    """Refuse a decision without a name and a reason."""
    if not actor.strip() or not reason.strip():
        raise Refused("a decision needs the name of who decides and a reason", "give --actor and --reason")
