"""Takes the queue out to other labeling tools and brings their answers back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from registry import audit
from registry.errors import HyperMatchError, Refused
from registry.reviews import argilla, label_studio
from registry.reviews.answers import checked_label, keep_answer, settle
from registry.reviews.exchange import Answered, Exchanged
from registry.reviews.items import Wanted, answers_of, list_items, own_answer, queue_texts
from registry.tables import AnswerState, ReviewAnswer, ReviewItem, ReviewState
from registry.tasks import label_space
from registry.text import normalize, text_hash

FORMATS = {"argilla": argilla, "label-studio": label_studio}


@dataclass(frozen=True)
class BroughtBack:
    """What an import did with the answers it found."""

    added: int
    unchanged: int                                    # the same person had said so already
    contradicting: int                                # kept for the statistics; the text was settled otherwise
    queued: int                                       # texts that were not in the queue


def take_out(session: Session, task: str, form: str, state: ReviewState | None = None) -> list[dict[str, Any]]:
    """Return the queue with what was answered, as `argilla` records or `label-studio` tasks."""
    items = list_items(session, task, state)
    said = answers_of(session, items)
    exchanged = [Exchanged(item.id, item.text, item.chosen, item.why, item.worth, item.guess, item.confidence,
                           item.version_number, [Answered(each.actor, each.label) for each in said[item.id or 0]])
                 for item in items]
    return _form(form).write(exchanged)


def bring_back(session: Session, task: str, form: str, rows: Any, *, actor: str, now: datetime) -> BroughtBack:
    """Keep the answers in a file of another tool, all or none; `actor` is who answered where the file is silent.

    Raises Refused naming the row that cannot be read or has a label that the task lacks.
    Bringing the same file twice changes nothing.
    """
    labels = label_space(session, task).labels
    known = sorted({*session.exec(select(ReviewAnswer.actor)).all(), actor})
    exchanged = _form(form).read(rows, known)
    for number, each in enumerate(exchanged, start=1):
        for given in each.answers:
            _check(session, task, labels, number, given)
    new = queue_texts(session, task, [Wanted(each.text, "imported", f"brought from {form}") for each in exchanged
                                      if each.answers], actor=actor, now=now)
    done = [_keep(session, task, each, given, actor, now) for each in exchanged for given in each.answers]
    counts = {name: done.count(name) for name in ("added", "unchanged", "contradicting")}
    audit.record(session, action="review:imported", subject=task, actor=actor, reason=form, now=now, details=counts)
    return BroughtBack(**counts, queued=len(new))


def labeling_config(session: Session, task: str) -> str:
    """Return the XML that makes Label Studio show the task's labels."""
    return label_studio.labeling_config(label_space(session, task).labels)


def _check(session: Session, task: str, labels: Sequence[str], number: int, given: Answered) -> None:
    if given.label is not None and given.label.strip() not in labels:
        try:
            checked_label(session, task, given.label, is_new_class=False)
        except Refused as error:
            raise Refused(f"row {number}: {error.what}", error.mend) from error


def _keep(session: Session, task: str, each: Exchanged, given: Answered, actor: str, now: datetime) -> str:
    """Keep one answer; a text that was labeled elsewhere, and so is not in the queue, keeps its label."""
    item = session.exec(select(ReviewItem).where(ReviewItem.task == task, ReviewItem.text_hash == text_hash(
        normalize(each.text)))).first()
    if item is None:
        return "contradicting"
    who = given.actor or actor
    own = own_answer(session, item, who)
    if own is not None and own.state is not AnswerState.CLAIMED:
        return "unchanged" if own.label == given.label else "contradicting"
    if given.label is None:
        _skip(session, item, own, who, now)
    else:
        keep_answer(session, item, own, given.label.strip(), actor=who, now=now, is_new_class=False)
    settle(session, item, now=now)
    return "added" if item.label in (None, given.label) or given.label is None else "contradicting"


def _skip(session: Session, item: ReviewItem, own: ReviewAnswer | None, who: str, now: datetime) -> None:
    if own is None:
        own = ReviewAnswer(item_id=item.id or 0, actor=who, state=AnswerState.SKIPPED, claimed_until=now)
        session.add(own)
    own.state, own.answered_at = AnswerState.SKIPPED, now
    session.flush()


def _form(name: str) -> Any:
    if name not in FORMATS:
        raise HyperMatchError(f"{name!r} is not a format of the queue", f"choose {' or '.join(FORMATS)}")
    return FORMATS[name]
