"""The one table of legal moves of a model version, and the only function that makes a move."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from registry import audit
from registry.errors import IllegalMove, Refused
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
    """Make a legal move together with its audit entry."""
    check_move(version, to)
    was, version.stage = version.stage, to
    session.flush()
    audit.record(session, action=action or ACTIONS[to], subject=name_of(version), actor=actor, reason=reason, now=now,
                 details={"from": was.value, "digest": version.digest, **(details or {})})


def name_of(version: ModelVersion) -> str:
    return f"{version.task} v{version.number}"


def check_person(actor: str, reason: str) -> None:
    """Refuse a decision without a name and a reason."""
    if not actor.strip() or not reason.strip():
        raise Refused("a decision needs the name of who decides and a reason", "give --actor and --reason")
