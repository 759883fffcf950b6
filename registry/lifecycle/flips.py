"""Flips under way: a task's `next` version, which every server prepares before all change to it at one moment."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from registry import audit
from registry.errors import IllegalMove
from registry.lifecycle.aliases import alias_of, drop_alias, point_alias
from registry.lifecycle.stages import check_person, name_of
from registry.tables import Alias, AliasName, ModelVersion

STARTED, GIVEN_UP, FLIPPED = "model:flip_started", "model:flip_given_up", "model:flipped"      # in the audit log


def flip_of(session: Session, task: str) -> Alias | None:
    """Return the alias of what is prepared for `task`, with its terms."""
    return alias_of(session, task, AliasName.NEXT)


def start_flip(session: Session, version: ModelVersion, *, actor: str, reason: str, give_up_at: datetime,
               now: datetime) -> None:
    """Have every server prepare `version`; raises IllegalMove while another flip of the task is under way."""
    before = flip_of(session, version.task)
    if before is not None:
        raise IllegalMove(f"{version.task} v{before.version_number} is being prepared already",
                          f"wait, or `hypermatch models give-up {version.task}`")
    terms: dict[str, Any] = {"actor": actor, "reason": reason, "give_up_at": give_up_at.isoformat()}
    point_alias(session, version.task, AliasName.NEXT, version.number, generation=0, terms=terms, now=now)
    audit.record(session, action=STARTED, subject=name_of(version), actor=actor, reason=reason, now=now,
                 details={"digest": version.digest, "give_up_at": terms["give_up_at"]})


def give_up_flip(session: Session, task: str, number: int | None = None, *, actor: str, reason: str,
                 now: datetime) -> int | None:
    """End the flip of a task, if one is under way and of version `number`; return what was prepared. Audited."""
    check_person(actor, reason)
    flip = flip_of(session, task)
    if flip is None or number not in (None, flip.version_number):
        return None
    drop_alias(session, flip)
    audit.record(session, action=GIVEN_UP, subject=f"{task} v{flip.version_number}", actor=actor,
                 reason=reason, now=now)
    return flip.version_number
