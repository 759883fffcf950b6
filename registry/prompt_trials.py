"""Trying a prompt on one text: what is told, who may hand it in, and how often a person may ask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import Refused
from registry.prompts import get_prompt, subject_of
from registry.tables import AuditEntry
from registry.tasks import get_task

ACTION = "prompt:tried"
MAX_TRIES = 60                                        # of one person in one hour: a language model costs
HOUR = timedelta(hours=1)
MAX_CHARS = 2_000


@dataclass(frozen=True)
class Tried:
    """The prompt as a language model reads it and, where one is set, what it answers: label and probability."""

    prompt: str
    language_model: str | None
    answers: Sequence[tuple[str, float]]
    n_calls: int = 0
    n_tokens: int = 0


# name of the prompt, its version, task, text -> what comes of it; a root builds it, since floor 0 knows no model
Try = Callable[[str, int, str, str], Tried]


def begin_try(session: Session, name: str, version: int | None, task: str, text: str, *, actor: str,
              now: datetime) -> int:
    """Return the version that may be tried now; raises Refused beyond MAX_TRIES an hour or for a text that is none.

    The text itself is not kept.
    """
    prompt, text = get_prompt(session, name, version), text.strip()
    get_task(session, task)
    if not text or len(text) > MAX_CHARS:
        raise Refused(f"a prompt is tried on a text of 1 to {MAX_CHARS} characters")
    if prompt.use != "label":
        raise Refused(f"prompt {name} is of use {prompt.use!r}", "only prompts of use 'label' read a text")
    query = select(func.count()).select_from(AuditEntry).where(
        AuditEntry.action == ACTION, AuditEntry.actor == actor, col(AuditEntry.at) > now - HOUR)
    if int(session.exec(query).one()) >= MAX_TRIES:
        raise Refused(f"{actor} tried prompts {MAX_TRIES} times within the hour", "go on later")
    audit.record(session, action=ACTION, subject=subject_of(prompt), actor=actor, now=now, details={"task": task})
    return prompt.version
