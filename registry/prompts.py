"""The prompt library: versions of prompts, and how well each does on the tasks it was measured on."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import NotFound
from registry.tables import Prompt, PromptQuality
from registry.tasks import get_task


def save_prompt(session: Session, spec: dict[str, Any], *, actor: str, now: datetime) -> Prompt:
    """Keep a prompt (its name, use, language and words) and return its version; known words keep theirs."""
    digest = digest_of(spec)
    known = session.exec(select(Prompt).where(Prompt.name == spec["name"], Prompt.digest == digest)).first()
    if known is not None:
        return known
    newest = session.exec(select(func.max(Prompt.version)).where(Prompt.name == spec["name"])).one()
    prompt = Prompt(name=spec["name"], version=(newest or 0) + 1, use=spec["use"], language=spec["language"],
                    digest=digest, spec=spec, actor=actor, saved_at=now)
    session.add(prompt)
    session.flush()
    audit.record(session, action="prompt:saved", subject=subject_of(prompt), actor=actor, now=now,
                 details={"digest": digest})
    return prompt


def get_prompt(session: Session, name: str, version: int | None = None) -> Prompt:
    """Return one version of a prompt, the newest if no number is given; raises NotFound."""
    query = select(Prompt).where(Prompt.name == name).order_by(col(Prompt.version).desc())
    if version is not None:
        query = query.where(Prompt.version == version)
    found = session.exec(query.limit(1)).first()
    if found is None:
        raise NotFound(f"there is no prompt {name!r}{'' if version is None else f' version {version}'}",
                       "`hypermatch prompts list` shows those that there are")
    return found


def list_prompts(session: Session) -> list[Prompt]:
    """Return the newest version of each prompt, by name."""
    rows = session.exec(select(Prompt).order_by(col(Prompt.name), col(Prompt.version)))
    return list({prompt.name: prompt for prompt in rows}.values())


def record_quality(session: Session, prompt: Prompt, task: str, language_model: str, *, n_labels: int,
                   accuracy: tuple[float, float, float], details: dict[str, Any], actor: str,
                   now: datetime) -> PromptQuality:
    """Keep a measurement; `accuracy` is value, low and high."""
    get_task(session, task)
    value, low, high = accuracy
    quality = PromptQuality(prompt=prompt.name, version=prompt.version, task=task, language_model=language_model,
                            n_labels=n_labels, accuracy=value, low=low, high=high, details=details, actor=actor,
                            measured_at=now)
    session.add(quality)
    session.flush()
    audit.record(session, action="prompt:measured", subject=subject_of(prompt), actor=actor, now=now,
                 details={"task": task, "language_model": language_model, "n_labels": n_labels, "accuracy": value})
    return quality


def qualities(session: Session, *, name: str | None = None, task: str | None = None) -> list[PromptQuality]:
    """Return measurements, newest first."""
    query = select(PromptQuality).order_by(col(PromptQuality.id).desc())
    if name is not None:
        query = query.where(PromptQuality.prompt == name)
    if task is not None:
        query = query.where(PromptQuality.task == task)
    return list(session.exec(query))


def best_first(session: Session, names: Sequence[str], task: str, language_model: str) -> list[str]:
    """Order prompts by what was measured with a language model, those without any measurement last.

    A measurement on the task itself comes before any on other tasks, of which the mean
    counts; only the newest of each prompt and task does.
    """
    newest: dict[tuple[str, str], float] = {}
    for quality in qualities(session):
        if quality.language_model == language_model:
            newest.setdefault((quality.prompt, quality.task), quality.accuracy)

    def rank(name: str) -> tuple[bool, bool, float]:
        here = newest.get((name, task))
        elsewhere = [accuracy for (each, _), accuracy in newest.items() if each == name]
        if here is not None:
            return False, False, -here
        return True, not elsewhere, -sum(elsewhere) / max(len(elsewhere), 1)

    return sorted(names, key=rank)


def digest_of(spec: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def subject_of(prompt: Prompt) -> str:
    return f"{prompt.name} v{prompt.version}"
