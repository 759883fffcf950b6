"""Erases texts from all that the registry made of them: labels, the review queue, drift reports, proposed classes."""

import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlmodel import Session, col, select

from registry import audit
from registry.proposals import forget_texts
from registry.tables import DriftCheck, LabeledText, ReviewAnswer, ReviewItem
from registry.text import text_hash

LOOKUP_SIZE = 500                                     # SQLite's default limit of parameters is 999
ERASED = "(erased)"
EXAMPLES = ("examples_before", "examples_now")


@dataclass(frozen=True)
class Reached:
    """How much was erased beside the bank's own rows; `drift_tasks` are those whose reports held texts."""

    n_labels: int = 0
    n_review_items: int = 0
    n_drift_checks: int = 0
    n_proposals: int = 0
    drift_tasks: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def forget_everywhere(session: Session, texts: Collection[str], bank_version: int, *, actor: str, reason: str,
                      now: datetime) -> Reached:
    """Erase texts that were in the bank from `bank_version` on, whatever was made of them since.

    Labels and review items go with the text, those of the gate too, and each label's going
    is audited by the text's hash. Drift reports lose these texts and the words in them;
    proposals made from these bank versions lose all of their texts.
    """
    hashes = [text_hash(text) for text in dict.fromkeys(texts)]
    n_labels = sum(_forget_label(session, row, actor, reason, now) for row in _labels(session, hashes))
    items = [item for some in _batched(hashes)
             for item in session.exec(select(ReviewItem).where(col(ReviewItem.text_hash).in_(some)))]
    for item in items:
        _forget_item(session, item)
    checks = session.exec(select(DriftCheck).where(DriftCheck.bank_version >= bank_version))
    blanked = [check for check in checks if _blank(check, set(texts))]
    return Reached(n_labels, len(items), len(blanked), forget_texts(session, bank_version),
                   sorted({check.task for check in blanked}))


def _batched(hashes: Collection[str]) -> Iterator[list[str]]:
    remaining = iter(hashes)
    while some := list(islice(remaining, LOOKUP_SIZE)):
        yield some


def _labels(session: Session, hashes: Collection[str]) -> Iterator[LabeledText]:
    for some in _batched(hashes):
        yield from session.exec(select(LabeledText).where(col(LabeledText.text_hash).in_(some))).all()


def _forget_label(session: Session, row: LabeledText, actor: str, reason: str, now: datetime) -> int:
    session.delete(row)
    audit.record(session, action="label:erased", subject=f"{row.task} text {row.text_hash}", actor=actor,
                 reason=reason, now=now, details={"label": row.label, "part": row.part.value})
    return 1


def _forget_item(session: Session, item: ReviewItem) -> None:
    for answer in session.exec(select(ReviewAnswer).where(ReviewAnswer.item_id == item.id)):
        session.delete(answer)
    session.flush()                                   # answers refer to their item
    session.delete(item)


def _blank(check: DriftCheck, texts: set[str]) -> bool:
    """Take texts out of a report; say whether it held any of them, whole or cut short, or their words."""
    words = {word for text in texts for word in re.findall(r"\w+", text.lower())}
    held = {name: check.report.get(name, []) for name in (*EXAMPLES, "moved")} | {
        "counts": check.report.get("counts", {})}
    left = {name: [each for each in held[name] if not _is_of(each, texts)] for name in EXAMPLES} | {
        "moved": [_moved(each, texts, words) for each in held["moved"]],
        "counts": {side: _counted(each, words) for side, each in held["counts"].items()}}
    if left == held:
        return False
    check.report = {**check.report, **left}
    return True


def _counted(counts: dict[str, Any], words: set[str]) -> dict[str, Any]:
    return {**counts, "words": {word: n for word, n in counts.get("words", {}).items() if word not in words}}


def _moved(moved: dict[str, Any], texts: set[str], words: set[str]) -> dict[str, Any]:
    is_erased = (moved["kind"] == "cluster" and _is_of(moved["name"], texts)) or (
        moved["kind"] == "word" and moved["name"] in words)
    return {**moved, "name": ERASED} if is_erased else moved


def _is_of(shown: str, texts: set[str]) -> bool:
    """Say whether what a report shows is one of the texts or the beginning of one."""
    return bool(shown) and any(text.startswith(shown) for text in texts)
