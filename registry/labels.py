"""Human labels: who gave them, when, from where, and whether they train or judge."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import Refused
from registry.tables import LabeledText, Part
from registry.tasks import label_space
from registry.text import normalize, text_hash

LOOKUP_SIZE = 500                                     # SQLite's default limit of parameters is 999


@dataclass(frozen=True)
class ImportResult:
    """What an import did: each row given is counted once."""

    added: int
    changed: int
    unchanged: int


def import_labels(session: Session, task: str, rows: Iterable[tuple[str, str]], *, part: Part, actor: str,
                  origin: str, now: datetime) -> ImportResult:
    """Keep labeled texts, all or none.

    A text that has another label in `part` gets the new one (the audit entry counts it).
    Raises Refused for an unknown label, an empty text, one text with two labels, or a
    text of the other part: the gate judges only with texts that nothing was trained on.
    """
    wanted = _checked(rows, set(label_space(session, task).labels), task)
    known = _known(session, task, wanted)
    added = changed = 0
    for key, (text, label) in wanted.items():
        found = known.get(key)
        if found is None:
            session.add(LabeledText(task=task, text=text, text_hash=key, label=label, part=part, actor=actor,
                                    origin=origin, labeled_at=now))
            added += 1
        elif found.part != part:
            raise Refused(f"{text[:60]!r} is a {found.part} text already, so it cannot be a {part} text",
                          "leave it out of one of the two files")
        elif found.label != label:
            found.label, found.actor, found.origin, found.labeled_at = label, actor, origin, now
            changed += 1
    result = ImportResult(added, changed, len(wanted) - added - changed)
    audit.record(session, action="labels:imported", subject=task, actor=actor, reason=origin, now=now,
                 details={"part": part.value, "added": added, "changed": changed})
    return result


def labeled_texts(session: Session, task: str, part: Part) -> list[LabeledText]:
    """Return the labels of one part in the order they came."""
    query = select(LabeledText).where(LabeledText.task == task, LabeledText.part == part)
    return list(session.exec(query.order_by(col(LabeledText.id))))


def n_labels(session: Session, task: str, part: Part) -> int:
    query = select(func.count()).select_from(LabeledText).where(LabeledText.task == task, LabeledText.part == part)
    return session.exec(query).one()


def parts_of(session: Session, task: str, hashes: Iterable[str]) -> dict[str, Part]:
    """Return in which part each text hash is labeled, of those that are."""
    return {key: found.part for key, found in _known(session, task, hashes).items()}


def _checked(rows: Iterable[tuple[str, str]], labels: set[str], task: str) -> dict[str, tuple[str, str]]:
    """Normalize the rows and key them by text hash; the first bad row refuses all."""
    wanted: dict[str, tuple[str, str]] = {}
    for number, (raw, label) in enumerate(rows, start=1):
        text = normalize(raw)
        if not text:
            raise Refused(f"row {number} has no text")
        if label not in labels:
            raise Refused(f"row {number}: task {task} has no label {label[:80]!r}",
                          f"`hypermatch task list` shows its {len(labels)} labels")
        key = text_hash(text)
        if wanted.setdefault(key, (text, label))[1] != label:
            raise Refused(f"row {number}: {text[:60]!r} has two labels, {wanted[key][1]!r} and {label!r}")
    return wanted


def _known(session: Session, task: str, keys: Iterable[str]) -> dict[str, LabeledText]:
    known: dict[str, LabeledText] = {}
    for chunk in _chunks(iter(keys), LOOKUP_SIZE):
        query = select(LabeledText).where(LabeledText.task == task, col(LabeledText.text_hash).in_(chunk))
        known.update({found.text_hash: found for found in session.exec(query)})
    return known


def _chunks(items: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(islice(items, size)):
        yield chunk
