"""Nested draws of the labels at growing sizes, each learned from and judged by labels it did not see."""

from collections.abc import Callable, Sequence

import numpy as np

from trainer.curve.points import Point
from trainer.learning.embedded import Labeled
from trainer.learning.folds import deal
from trainer.learning.head import Head

# Learns from labels; the vectors beside them are of texts whose labels were not drawn.
Learner = Callable[[Labeled, np.ndarray, int], Head]
Report = Callable[[float], None]


def nested_order(classes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return an order of the rows whose every beginning holds each class in about its share of the whole."""
    shuffled = generator.permutation(len(classes))
    place = np.empty(len(classes))
    for number in np.unique(classes):
        rows = shuffled[classes[shuffled] == number]
        place[rows] = (np.arange(len(rows)) + generator.random(len(rows))) / len(rows)
    return np.argsort(place, kind="stable")


def halved(largest: int, n_sizes: int, least: float) -> list[int]:
    """Return sizes up to `largest`, each half of the next, none below `least`."""
    sizes = [largest // 2**step for step in range(n_sizes)]
    return sorted(size for size in sizes if size >= least)


def judged_by(judge: Labeled, labeled: Labeled, sizes: Sequence[int], learner: Learner, n_draws: int, seed: int,
              report: Report) -> list[Point]:
    """Learn from nested draws and ask them the labels of `judge`; all labels can be drawn in one way only."""
    points: list[Point] = []
    for draw in range(n_draws):
        order = nested_order(labeled.classes, np.random.default_rng([seed, draw]))
        for step, size in enumerate(sizes):
            report((draw * len(sizes) + step) / (n_draws * len(sizes)))
            if draw == 0 or size < len(labeled):
                n_right = _right(labeled, order, size, judge, learner, seed + draw)
                points.append(Point(size, n_right / len(judge), draw))
    return points


def judged_by_one_another(labeled: Labeled, sizes: Sequence[int], learner: Learner, n_folds: int, n_draws: int,
                          seed: int, report: Report) -> list[Point]:
    """Learn from nested draws of all folds but one and ask them that one, each in turn."""
    points: list[Point] = []
    done, n_rounds = 0, n_draws * n_folds * len(sizes)
    for draw in range(n_draws):
        folds = deal(labeled.classes, n_folds, seed + draw)
        n_right = dict.fromkeys(sizes, 0)
        for fold in range(n_folds):
            pool, asked = labeled.take(np.flatnonzero(folds != fold)), labeled.take(np.flatnonzero(folds == fold))
            order = nested_order(pool.classes, np.random.default_rng([seed, draw, fold]))
            for size in sizes:
                report(done / n_rounds)
                n_right[size] += _right(pool, order, size, asked, learner, seed + draw)
                done += 1
        points += [Point(size, n_right[size] / len(labeled), draw) for size in sizes]
    return points


def _right(pool: Labeled, order: np.ndarray, size: int, judge: Labeled, learner: Learner, seed: int) -> int:
    head = learner(pool.take(np.sort(order[:size])), pool.vectors[order[size:]], seed)
    return int((head.probs(judge.vectors).argmax(axis=1) == judge.classes).sum())
