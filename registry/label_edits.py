"""Edits of single labels: searched, changed, removed, each with its history in the audit log."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from registry import audit
from registry.errors import NotFound, Refused, Stale
from registry.tables import AuditEntry, LabeledText, Part
from registry.tasks import label_space


def search_labels(session: Session, task: str, *, words: str = "", label: str = "", part: Part | None = None,
                  offset: int = 0, limit: int = 50) -> tuple[list[LabeledText], int]:
    """Return one page of labeled texts, the newest first, and how many there are in all."""
    query = _matching(select(LabeledText), task, words, label, part)
    total = session.exec(_matching(select(func.count()).select_from(LabeledText), task, words, label, part)).one()
    page = query.order_by(col(LabeledText.id).desc()).offset(offset).limit(limit)
    return list(session.exec(page)), int(total)


def get_labeled_text(session: Session, task: str, text_id: int) -> LabeledText:
    found = session.get(LabeledText, text_id)
    if found is None or found.task != task:
        raise NotFound(f"{task} has no labeled text {text_id}", "it may have been removed")
    return found


def change_label(session: Session, task: str, text_id: int, label: str, *, was: str, actor: str, reason: str,
                 now: datetime) -> LabeledText:
    """Give a text another label, if it still has the one that the person saw; raises Stale if not."""
    found = get_labeled_text(session, task, text_id)
    if label not in label_space(session, task).labels:
        raise Refused(f"task {task} has no label {label[:80]!r}")
    if found.label == label:
        return found
    if found.label != was:
        raise Stale(f"{found.actor} labeled this text {found.label!r} meanwhile", "look again before deciding")
    found.label, found.actor, found.labeled_at = label, actor, now
    audit.record(session, action="label:changed", subject=subject_of(found), actor=actor, reason=reason, now=now,
                 details={"from": was, "to": label, "part": found.part.value})
    return found


def remove_label(session: Session, task: str, text_id: int, *, actor: str, reason: str, now: datetime) -> None:
    """Remove a labeled text."""
    found = get_labeled_text(session, task, text_id)
    session.delete(found)
    audit.record(session, action="label:removed", subject=subject_of(found), actor=actor, reason=reason, now=now,
                 details={"label": found.label, "part": found.part.value})


def history_of(session: Session, labeled: LabeledText) -> list[AuditEntry]:
    """Return what happened to the label of a text, oldest first."""
    return list(audit.entries(session, subject=subject_of(labeled)))


def label_counts(session: Session, task: str) -> dict[str, dict[str, int]]:
    """Return how many texts each label has in each part."""
    query = select(LabeledText.label, LabeledText.part, func.count()).where(LabeledText.task == task)
    counts: dict[str, dict[str, int]] = {}
    for label, part, n in session.exec(query.group_by(col(LabeledText.label), col(LabeledText.part))):
        counts.setdefault(label, {})[Part(part).value] = n
    return counts


def subject_of(labeled: LabeledText) -> str:
    return f"{labeled.task} text {labeled.text_hash}"


def _matching(query: SelectOfScalar, task: str, words: str, label: str, part: Part | None) -> SelectOfScalar:
    query = query.where(LabeledText.task == task)
    if words:
        query = query.where(col(LabeledText.text).icontains(words, autoescape=True))
    if label:
        query = query.where(LabeledText.label == label)
    return query if part is None else query.where(LabeledText.part == part)
