"""How far the queue is, who did what, and how well people agree beyond chance (Cohen's kappa)."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry.tables import AnswerState, ReviewAnswer, ReviewItem, ReviewState
from registry.tasks import get_task


@dataclass(frozen=True)
class Progress:
    """Items by state and by how they were chosen; answers by person."""

    states: dict[str, int]
    chosen: dict[str, dict[str, int]]                 # way -> state -> items
    people: dict[str, dict[str, int]]                 # person -> labeled or skipped -> items


@dataclass(frozen=True)
class PairAgreement:
    """Two people on the items that both labeled; `kappa` is None where chance alone would make them agree."""

    one: str
    other: str
    n_items: int
    n_agreed: int
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """Every pair with items in common; `kappa` is the mean of the pairs', weighted by their items."""

    n_items: int                                      # with labels of two people or more
    n_disputed: int                                   # of those, with more than one label
    kappa: float | None
    pairs: list[PairAgreement]


def progress(session: Session, task: str) -> Progress:
    get_task(session, task)
    states = {state.value: 0 for state in ReviewState}
    chosen: dict[str, dict[str, int]] = {}
    items = select(ReviewItem.state, ReviewItem.chosen, func.count()).where(ReviewItem.task == task)
    for state, way, n in session.exec(items.group_by(col(ReviewItem.state), col(ReviewItem.chosen))):
        states[ReviewState(state).value] += n
        chosen.setdefault(way, {})[ReviewState(state).value] = n
    people: dict[str, dict[str, int]] = {}
    answers = select(ReviewAnswer.actor, ReviewAnswer.state, func.count()).join(
        ReviewItem, col(ReviewItem.id) == col(ReviewAnswer.item_id)).where(
        ReviewItem.task == task, ReviewAnswer.state != AnswerState.CLAIMED)
    for actor, done, n in session.exec(answers.group_by(col(ReviewAnswer.actor), col(ReviewAnswer.state))):
        people.setdefault(actor, {})[AnswerState(done).value] = n
    return Progress(states, chosen, people)


def agreement(session: Session, task: str) -> Agreement:
    """Compare what people said of the same texts; a class that they would name counts like a label."""
    get_task(session, task)
    said: dict[int, dict[str, str]] = {}
    query = select(ReviewAnswer).join(ReviewItem, col(ReviewItem.id) == col(ReviewAnswer.item_id)).where(
        ReviewItem.task == task, ReviewAnswer.state == AnswerState.LABELED)
    for row in session.exec(query):
        said.setdefault(row.item_id, {})[row.actor] = row.label or ""
    shared = [labels for labels in said.values() if len(labels) > 1]
    people = sorted({actor for labels in shared for actor in labels})
    pairs = [found for one, other in combinations(people, 2) if (found := _pair(shared, one, other)).n_items]
    known = [pair for pair in pairs if pair.kappa is not None]
    n_known = sum(pair.n_items for pair in known)
    overall = sum(pair.n_items * (pair.kappa or 0.0) for pair in known) / n_known if n_known else None
    return Agreement(len(shared), sum(len(set(labels.values())) > 1 for labels in shared), overall, pairs)


def kappa(pairs: list[tuple[str, str]]) -> float | None:
    """Return agreement beyond what the two people's own shares of labels give by chance (Cohen, 1960)."""
    n = len(pairs)
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(ones[label] * others[label] for label in ones) / n**2 if n else 1.0
    if by_chance >= 1:
        return None
    return (sum(one == other for one, other in pairs) / n - by_chance) / (1 - by_chance)


def _pair(shared: list[dict[str, str]], one: str, other: str) -> PairAgreement:
    both = [(labels[one], labels[other]) for labels in shared if one in labels and other in labels]
    return PairAgreement(one, other, len(both), sum(mine == yours for mine, yours in both), kappa(both))
