"""Tasks and their numbered label spaces."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from registry import audit
from registry.errors import NotFound, Refused
from registry.tables import LabelSpace, Task

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
MAX_LABELS = 10_000
MAX_LABEL_CHARS = 200


def create_task(session: Session, name: str, labels: Sequence[str], *, actor: str, now: datetime,
                description: str = "") -> Task:
    """Create a task with label space 1; raises Refused for a taken or malformed name or unusable labels."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is not a task name", "use 1 to 63 of a-z, 0-9 and -")
    if session.get(Task, name) is not None:
        raise Refused(f"task {name} exists already")
    check_labels(labels)
    task = Task(name=name, description=description, created_at=now)
    session.add(task)
    session.flush()
    session.add(LabelSpace(task=name, number=1, labels=list(labels), created_at=now))
    audit.record(session, action="task:created", subject=name, actor=actor, now=now,
                 details={"n_labels": len(labels)})
    return task


def get_task(session: Session, name: str) -> Task:
    """Return a task; raises NotFound naming those that exist."""
    task = session.get(Task, name)
    if task is None:
        known = ", ".join(known.name for known in list_tasks(session)[:10]) or "none yet"
        raise NotFound(f"there is no task {name!r}", f"known tasks: {known}")
    return task


def list_tasks(session: Session) -> list[Task]:
    """Return all tasks by name."""
    return list(session.exec(select(Task).order_by(col(Task.name))))


def label_space(session: Session, task: str, number: int | None = None) -> LabelSpace:
    """Return one label space of a task, the newest if no number is given."""
    get_task(session, task)
    query = select(LabelSpace).where(LabelSpace.task == task).order_by(col(LabelSpace.number).desc())
    if number is not None:
        query = query.where(LabelSpace.number == number)
    found = session.exec(query.limit(1)).first()
    if found is None:
        raise NotFound(f"task {task} has no label space {number}")
    return found


def extend_label_space(session: Session, task: str, labels: Sequence[str], *, actor: str, reason: str,
                       now: datetime) -> LabelSpace:
    """Add classes behind those there are, as the task's next label space; the earlier ones stay as they were."""
    session.exec(select(Task).where(Task.name == task).with_for_update()).first()      # one at a time
    before = label_space(session, task)
    both = [*before.labels, *labels]
    check_labels(both)
    space = LabelSpace(task=task, number=before.number + 1, labels=both, created_at=now)
    session.add(space)
    session.flush()
    audit.record(session, action="label_space:extended", subject=f"{task} label space {space.number}", actor=actor,
                 reason=reason, now=now, details={"from": before.number, "added": list(labels)})
    return space


def check_labels(labels: Sequence[str]) -> None:
    """Raise Refused unless `labels` can be a label space."""
    if not 2 <= len(labels) <= MAX_LABELS:
        raise Refused(f"a task needs 2 to {MAX_LABELS} labels, not {len(labels)}")
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise Refused(f"label {twice!r} is given twice")
    for label in labels:
        if not label.strip() or label != label.strip() or len(label) > MAX_LABEL_CHARS or not label.isprintable():
            raise Refused(f"label {label[:80]!r} is not usable",
                          f"labels are trimmed, printable and at most {MAX_LABEL_CHARS} characters")
