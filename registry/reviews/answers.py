"""What people answer: labels that settle a text once enough agree, skips, and taking the last answer back."""

from collections import Counter
from datetime import datetime

from sqlmodel import Session, col, select

from registry import audit
from registry.errors import Refused, Stale
from registry.labels import import_labels
from registry.reviews.items import CLAIM, answers_of, get_item, own_answer
from registry.tables import AnswerState, LabeledText, Part, ReviewAnswer, ReviewItem, ReviewState
from registry.tasks import check_labels, label_space

MAX_SKIPS = 3                                         # by so many people: nobody can tell


def answer(session: Session, item_id: int, label: str, *, actor: str, now: datetime,
           is_new_class: bool = False) -> ReviewItem:
    """Give a text a label; once enough people gave the same one it is a human label of the task.

    Giving the same answer twice is giving it once. Raises Stale if the text was settled
    or is held by others; Refused for a label that the task does not have, unless
    `is_new_class`, which proposes one.
    """
    item = _locked(session, item_id)
    label = checked_label(session, item.task, label, is_new_class=is_new_class)
    own = own_answer(session, item, actor)
    if own is not None and own.state is AnswerState.LABELED:
        if (own.label, own.is_new_class) == (label, is_new_class):
            return item
        raise Refused(f"you labeled item {item.id} {own.label!r} already", "take it back first: undo")
    _check_free(session, item, own, now)
    keep_answer(session, item, own, label, actor=actor, now=now, is_new_class=is_new_class)
    audit.record(session, action="review:answered", subject=subject_of(item), actor=actor, now=now,
                 reason=f"{'a new class: ' if is_new_class else ''}{label}")
    settle(session, item, now=now)
    return item


def skip(session: Session, item_id: int, *, actor: str, now: datetime) -> ReviewItem:
    """Leave a text to others; one that three people skipped is dropped."""
    item = _locked(session, item_id)
    own = own_answer(session, item, actor)
    if own is not None and own.state is AnswerState.LABELED:
        raise Refused(f"you labeled item {item.id} already", "take it back first: undo")
    if own is None:
        own = ReviewAnswer(item_id=item.id or 0, actor=actor, state=AnswerState.SKIPPED, claimed_until=now)
        session.add(own)
    if own.state is not AnswerState.SKIPPED or own.answered_at is None:
        audit.record(session, action="review:skipped", subject=subject_of(item), actor=actor, now=now)
    own.state, own.answered_at, own.label = AnswerState.SKIPPED, now, None
    session.flush()
    settle(session, item, now=now)
    return item


def subject_of(item: ReviewItem) -> str:
    return f"{item.task} item {item.id}"


def undo(session: Session, task: str, *, actor: str, now: datetime) -> ReviewItem:
    """Take this person's last answer or skip back and give them the text again.

    A human label that came of it goes, unless somebody changed it since: then Stale is raised.
    """
    query = select(ReviewAnswer).join(ReviewItem, col(ReviewItem.id) == col(ReviewAnswer.item_id)).where(
        ReviewItem.task == task, ReviewAnswer.actor == actor, ReviewAnswer.state != AnswerState.CLAIMED)
    last = session.exec(query.order_by(col(ReviewAnswer.answered_at).desc(), col(ReviewAnswer.id).desc())).first()
    if last is None:
        raise Refused(f"{actor} has answered nothing in {task} that could be taken back")
    item = _locked(session, last.item_id)
    if item.state is ReviewState.SETTLED and not item.is_new_class:
        _take_label_back(session, item)
    audit.record(session, action="review:undone", subject=subject_of(item), actor=actor, now=now,
                 reason=f"took back {last.label!r}" if last.label else "took back a skip")
    last.state, last.label, last.is_new_class = AnswerState.CLAIMED, None, False
    last.claimed_until, last.answered_at = now + CLAIM, None
    item.state, item.label, item.is_new_class, item.settled_at = ReviewState.OPEN, None, False, None
    session.flush()
    settle(session, item, now=now)
    return item


def suggested_classes(session: Session, task: str) -> dict[str, list[ReviewItem]]:
    """Return the texts for which people named a class that the task does not have, by that name."""
    found: dict[str, list[ReviewItem]] = {}
    for item in session.exec(select(ReviewItem).where(ReviewItem.task == task, col(ReviewItem.is_new_class))):
        found.setdefault(item.label or "", []).append(item)
    return found


def settle(session: Session, item: ReviewItem, *, now: datetime) -> None:
    """Bring an item's state in line with its answers; the label that enough people gave becomes a human label."""
    given = answers_of(session, [item])[item.id or 0]
    votes = Counter((each.label, each.is_new_class) for each in given if each.state is AnswerState.LABELED)
    if item.state in (ReviewState.OPEN, ReviewState.DISPUTED):
        (label, is_new), n = max(votes.items(), key=lambda vote: vote[1], default=((None, False), 0))
        if label is not None and n >= item.n_wanted:
            _settle_as(session, item, label, is_new, given, now)
        elif sum(each.state is AnswerState.SKIPPED for each in given) >= MAX_SKIPS:
            item.state, item.settled_at = ReviewState.DROPPED, now
        else:
            is_disputed = sum(votes.values()) >= item.n_wanted
            item.state = ReviewState.DISPUTED if is_disputed else ReviewState.OPEN
    session.flush()


def keep_answer(session: Session, item: ReviewItem, own: ReviewAnswer | None, label: str, *, actor: str, now: datetime,
                is_new_class: bool) -> None:
    if own is None:
        own = ReviewAnswer(item_id=item.id or 0, actor=actor, state=AnswerState.CLAIMED, claimed_until=now)
        session.add(own)
    own.state, own.label, own.is_new_class, own.answered_at = AnswerState.LABELED, label, is_new_class, now
    session.flush()


def checked_label(session: Session, task: str, label: str, *, is_new_class: bool) -> str:
    """Return the trimmed label; raises Refused if it is not one of the task, or is one and should be new."""
    labels, label = label_space(session, task).labels, label.strip()
    if not is_new_class and label not in labels:
        raise Refused(f"task {task} has no label {label[:80]!r}", "choose one of its labels or name a new class")
    if is_new_class:
        check_labels([*labels, label])
    return label


def origin_of(item: ReviewItem) -> str:
    return f"review item {item.id} ({item.chosen})"


def _settle_as(session: Session, item: ReviewItem, label: str, is_new: bool, given: list[ReviewAnswer],
               now: datetime) -> None:
    agreed = [each.actor for each in given if (each.label, each.is_new_class) == (label, is_new)]
    item.state, item.label, item.is_new_class, item.settled_at = ReviewState.SETTLED, label, is_new, now
    if not is_new:
        import_labels(session, item.task, [(item.text, label)], part=Part.TRAIN, actor=" + ".join(agreed)[:200],
                      origin=origin_of(item), now=now)


def _check_free(session: Session, item: ReviewItem, own: ReviewAnswer | None, now: datetime) -> None:
    """Raise Stale unless the item waits and this person holds it or nobody else fills its places."""
    if item.state not in (ReviewState.OPEN, ReviewState.DISPUTED):
        told = f"is {item.label!r} by now" if item.label else f"is {item.state.value}"
        raise Stale(f"item {item.id} {told}", "look at the next one")
    if own is not None and own.state is AnswerState.CLAIMED and own.claimed_until > now:
        return
    others = session.exec(select(ReviewAnswer).where(ReviewAnswer.item_id == item.id)).all()
    n_labels = sum(each.state is AnswerState.LABELED for each in others)
    n_held = sum(each.state is AnswerState.CLAIMED and each.claimed_until > now for each in others)
    if n_labels + n_held >= (n_labels + 1 if item.state is ReviewState.DISPUTED else item.n_wanted):
        raise Stale(f"item {item.id} is with somebody else", "look at the next one")


def _take_label_back(session: Session, item: ReviewItem) -> None:
    row = session.exec(select(LabeledText).where(LabeledText.task == item.task,
                                                 LabeledText.text_hash == item.text_hash)).first()
    if row is None or (row.label, row.origin) != (item.label, origin_of(item)):
        raise Stale(f"the label of item {item.id} was changed since", "`hypermatch labels import` can change it again")
    session.delete(row)
    session.flush()


def _locked(session: Session, item_id: int) -> ReviewItem:
    """Return the item, locked until the transaction ends, so that two answers are counted one after the other."""
    get_item(session, item_id)
    query = select(ReviewItem).where(ReviewItem.id == item_id).with_for_update()
    return session.exec(query.execution_options(populate_existing=True)).one()
