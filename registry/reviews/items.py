"""Texts in the review queue: put in, claimed by one person after the other, looked up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import NotFound, Refused
from registry.tables import AnswerState, LabeledText, ReviewAnswer, ReviewItem, ReviewState
from registry.tasks import get_task
from registry.text import normalize, text_hash

CLAIM = timedelta(minutes=10)
MAX_WANTED = 5
LOOKUP_SIZE = 500                                     # SQLite's default limit of parameters is 999
WAITING = (ReviewState.OPEN, ReviewState.DISPUTED)


@dataclass(frozen=True)
class Wanted:
    """A text to ask people for, why, and what a model version made of it."""

    text: str
    chosen: str
    why: str
    worth: float = 0.0
    guess: str | None = None
    confidence: float | None = None
    novelty: float | None = None


def queue_texts(session: Session, task: str, texts: Iterable[Wanted], *, actor: str, now: datetime, n_wanted: int = 1,
                version_number: int | None = None) -> list[ReviewItem]:
    """Put texts into the queue and return those put; what is queued or has a label already is left as it is."""
    get_task(session, task)
    if not 1 <= n_wanted <= MAX_WANTED:
        raise Refused(f"{n_wanted} people cannot be asked for one text", f"ask 1 to {MAX_WANTED}")
    given = {text_hash(text): (text, each) for each in texts if (text := normalize(each.text))}
    known = _known(session, task, list(given))
    items = [ReviewItem(task=task, text=text, text_hash=key, state=ReviewState.OPEN, chosen=each.chosen, why=each.why,
                        worth=each.worth, n_wanted=n_wanted, guess=each.guess, confidence=each.confidence,
                        novelty=each.novelty, version_number=version_number, queued_by=actor, queued_at=now)
             for key, (text, each) in given.items() if key not in known]
    session.add_all(items)
    session.flush()
    if items:
        audit.record(session, action="review:queued", subject=task, actor=actor, reason=f"{len(items)} texts", now=now,
                     details={"n_wanted": n_wanted})
    return items


def claim_next(session: Session, task: str, *, actor: str, now: datetime,
               claim: timedelta = CLAIM) -> ReviewItem | None:
    """Return the text that this person should label now, None if there is none.

    It is the one they hold already, or else the most worthwhile that lacks people. Nobody
    else is given it for `claim` unless more people are wanted; nobody is asked twice.
    """
    get_task(session, task)
    held = held_item(session, task, actor=actor, now=now)
    item = held if held is not None else _lock_lacking(session, task, actor, now)
    if item is None:
        return None
    own = own_answer(session, item, actor)
    if own is None:
        own = ReviewAnswer(item_id=item.id or 0, actor=actor, state=AnswerState.CLAIMED, claimed_until=now + claim)
        session.add(own)
    own.claimed_until = now + claim
    session.flush()
    return item


def release(session: Session, item_id: int, *, actor: str) -> None:
    """Give a claim back, so that others need not wait for it to end; harmless where there is none."""
    own = own_answer(session, get_item(session, item_id), actor)
    if own is not None and own.state is AnswerState.CLAIMED:
        session.delete(own)
        session.flush()


def get_item(session: Session, item_id: int) -> ReviewItem:
    item = session.get(ReviewItem, item_id)
    if item is None:
        raise NotFound(f"there is no review item {item_id}", "`hypermatch review status` lists the queue")
    return item


def list_items(session: Session, task: str, state: ReviewState | None = None, limit: int | None = None,
               offset: int = 0) -> list[ReviewItem]:
    """Return items in the order they are asked."""
    query = select(ReviewItem).where(ReviewItem.task == task).order_by(*_order()).limit(limit).offset(offset)
    return list(session.exec(query if state is None else query.where(ReviewItem.state == state)))


def answers_of(session: Session, items: Sequence[ReviewItem]) -> dict[int, list[ReviewAnswer]]:
    """Return what people said to each item, the first first; claims are no answers."""
    found: dict[int, list[ReviewAnswer]] = {item.id or 0: [] for item in items}
    keys = list(found)
    for start in range(0, len(keys), LOOKUP_SIZE):
        query = select(ReviewAnswer).where(col(ReviewAnswer.item_id).in_(keys[start : start + LOOKUP_SIZE]),
                                           ReviewAnswer.state != AnswerState.CLAIMED)
        for row in session.exec(query.order_by(col(ReviewAnswer.answered_at), col(ReviewAnswer.id))):
            found[row.item_id].append(row)
    return found


def own_answer(session: Session, item: ReviewItem, actor: str) -> ReviewAnswer | None:
    query = select(ReviewAnswer).where(ReviewAnswer.item_id == item.id, ReviewAnswer.actor == actor)
    return session.exec(query).first()


def n_active(now: datetime) -> ColumnElement[int]:
    """Count, beside each item, the labels given to it and the claims on it that hold."""
    holds = or_(col(ReviewAnswer.state) == AnswerState.LABELED,
                and_(col(ReviewAnswer.state) == AnswerState.CLAIMED, col(ReviewAnswer.claimed_until) > now))
    return _count(holds)


def _lock_lacking(session: Session, task: str, actor: str, now: datetime) -> ReviewItem | None:
    """Return, locked, the most worthwhile item that lacks people; None if there is none.

    PostgreSQL counts claims as they were when the statement began, yet may lock an item that
    another person claimed and released from its lock since: so it is asked for again once locked.
    """
    query = _lacking(task, actor, now)
    while (item := session.exec(query).first()) is not None:
        if session.exec(query.where(ReviewItem.id == item.id)).first() is not None:
            return item
    return None


def _lacking(task: str, actor: str, now: datetime):   # type: ignore[no-untyped-def]
    """Select the first waiting item that lacks people and that `actor` has neither answered nor skipped."""
    n_labels = _count(col(ReviewAnswer.state) == AnswerState.LABELED)
    room = case((col(ReviewItem.state) == ReviewState.DISPUTED, n_labels + 1), else_=ReviewItem.n_wanted)
    done = select(ReviewAnswer.item_id).where(ReviewAnswer.actor == actor, ReviewAnswer.state != AnswerState.CLAIMED)
    return (select(ReviewItem).where(ReviewItem.task == task, col(ReviewItem.state).in_(WAITING),
                                     col(ReviewItem.id).not_in(done), n_active(now) < room)
            .order_by(*_order()).limit(1).with_for_update(skip_locked=True, of=ReviewItem))


def held_item(session: Session, task: str, *, actor: str, now: datetime) -> ReviewItem | None:
    """Return the text that this person claimed and has not answered, None if there is none or the claim is over."""
    query = select(ReviewItem).join(ReviewAnswer, col(ReviewAnswer.item_id) == col(ReviewItem.id)).where(
        ReviewItem.task == task, col(ReviewItem.state).in_(WAITING), ReviewAnswer.actor == actor,
        ReviewAnswer.state == AnswerState.CLAIMED, col(ReviewAnswer.claimed_until) > now)
    return session.exec(query.order_by(*_order()).limit(1)).first()


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    query = select(func.count()).select_from(ReviewAnswer).where(ReviewAnswer.item_id == ReviewItem.id, which)
    return query.correlate(ReviewItem).scalar_subquery()


def _order() -> tuple[Any, ...]:
    return (case((col(ReviewItem.state) == ReviewState.DISPUTED, 0), else_=1), col(ReviewItem.worth).desc(),
            col(ReviewItem.id))


def _known(session: Session, task: str, keys: list[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(keys), LOOKUP_SIZE):
        for kind in (ReviewItem, LabeledText):
            query = select(kind.text_hash).where(kind.task == task, col(kind.text_hash).in_(
                keys[start : start + LOOKUP_SIZE]))
            known.update(session.exec(query))
    return known
