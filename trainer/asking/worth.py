"""Chooses the texts most worth a person's minute: unsure, novel, seen differently by two views, where drift was."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from registry.reviews import Wanted
from trainer.asking.recipe import AskingRecipe
from trainer.asking.ways import margins

NEIGHBORS = 5
SHARES = {"uncertainty": 0.3, "disagreement": 0.2, "novelty": 0.2, "drift": 0.1}      # the rest is drawn by chance


@dataclass(frozen=True)
class Views:
    """What is known of n texts without a label; `near` (m, d) and `near_classes` (m,) are texts that have one."""

    texts: list[str]
    vectors: np.ndarray                               # (n, d)
    probs: np.ndarray                                 # (n, C)
    novelty: np.ndarray                               # (n,)
    near: np.ndarray
    near_classes: np.ndarray
    drifted: np.ndarray                               # (k, d), examples of what the last alarms were about


def choose(views: Views, labels: list[str], count: int, recipe: AskingRecipe, seed: int) -> list[Wanted]:
    """Return texts with reason and worth, near copies of one another asked once.

    Each way takes its share; what a way does not need goes to chance, and a fair sample is drawn first,
    so that labels given to it tell the true shares of the classes. Worth falls within each way from 1 to 0:
    who labels only the first texts sees some of every way.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(views.texts))
    quotas = {way: round(share * count) for way, share in SHARES.items()}
    taken = [(int(row), "random") for row in order[: count - sum(quotas.values())]]
    for way, scores in _scores(views).items():
        done = {row for row, _ in taken}
        for row in np.argsort(-scores, kind="stable"):
            if quotas[way] == 0 or scores[row] <= 0:
                break
            if int(row) not in done and not _is_near(views.vectors, int(row), taken, recipe.near):
                taken.append((int(row), way))
                quotas[way] -= 1
    done = {row for row, _ in taken}
    rest = [int(row) for row in order if int(row) not in done]
    taken += [(row, "random") for row in rest[: max(count - len(taken), 0)]]
    return [_wanted(views, labels, row, way, worth) for row, way, worth in _weighed(taken[:count])]


def second_view(views: Views) -> np.ndarray:
    """Return class shares (n, C) among the nearest labeled texts: a view that knows nothing of the model's head."""
    if not len(views.near):
        return views.probs
    similar = views.vectors @ views.near.T                                                 # (n, m)
    nearest = np.argsort(-similar, axis=1)[:, :NEIGHBORS]
    weights = np.take_along_axis(similar, nearest, axis=1).clip(1e-3) ** 4
    votes = np.zeros_like(views.probs)
    np.add.at(votes, (np.arange(len(votes))[:, None], views.near_classes[nearest]), weights)
    return votes / votes.sum(axis=1, keepdims=True)


def _scores(views: Views) -> dict[str, np.ndarray]:
    """Return what each way finds worthwhile, in [0, 1]; 0 is never asked for."""
    other = second_view(views)
    ours, theirs = views.probs.argmax(axis=1), other.argmax(axis=1)
    rows = np.arange(len(ours))
    disagreement = np.where(ours == theirs, 0.0, (views.probs[rows, ours] - views.probs[rows, theirs]).clip(0)
                            * other[rows, theirs] + 1e-6)
    ranks = np.argsort(np.argsort(views.novelty)) / max(len(rows) - 1, 1)
    near_drift = (views.vectors @ views.drifted.T).max(axis=1) if len(views.drifted) else np.zeros(len(rows))
    return {"drift": near_drift.clip(0, 1), "disagreement": disagreement, "novelty": ranks,
            "uncertainty": 1 - margins(views.probs)}


def _weighed(taken: list[tuple[int, str]]) -> list[tuple[int, str, float]]:
    """Return the rows with their worth: the first of each way is worth most."""
    n_each, passed = Counter(way for _, way in taken), Counter[str]()
    found = []
    for row, way in taken:
        found.append((row, way, 1 - (passed[way] + 0.5) / n_each[way]))
        passed[way] += 1
    return found


def _is_near(vectors: np.ndarray, row: int, taken: list[tuple[int, str]], near: float) -> bool:
    rows = [each for each, _ in taken]
    return bool(rows) and float((vectors[rows] @ vectors[row]).max()) > near


def _wanted(views: Views, labels: list[str], row: int, way: str, worth: float) -> Wanted:
    first, second = np.argsort(-views.probs[row])[:2]
    unsure = f"{labels[first]} {views.probs[row][first]:.2f} or {labels[second]} {views.probs[row][second]:.2f}"
    why = {"random": "drawn by chance: such labels alone tell the shares of the classes",
           "uncertainty": f"the model is unsure: {unsure}",
           "disagreement": f"the model says {labels[first]}, the labeled texts nearest to it say otherwise",
           "novelty": f"unlike what the model knows: novelty {views.novelty[row]:.2f}",
           "drift": "like the texts that drift was noticed by"}[way]
    return Wanted(views.texts[row], way, why, round(worth, 6), labels[first], float(views.probs[row][first]),
                  float(views.novelty[row]))
