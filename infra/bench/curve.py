"""Measures how well a curve drawn from few labels foretells what more of them bring."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from infra.bench.learning import Split, drawn_rows
from trainer.curve.curve import labels_only
from trainer.curve.demand import band
from trainer.curve.draws import Learner, judged_by
from trainer.curve.points import Point, evidence_of
from trainer.curve.posterior import posterior_of
from trainer.curve.recipe import CurveRecipe
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.head import Head
from trainer.learning.learn import learn
from trainer.recipe import Recipe

LEAST_GROWTH = 1.3                                    # a class runs out of texts: no more labels, nothing to foretell
Say = Callable[[str], None]


def measure(split: Split, recipe: Recipe, curve: CurveRecipe, *, sizes: Sequence[int], predict: Sequence[int],
            n_draws: int, say: Say, arm: str = "labels") -> dict[str, Any]:
    """Return cells, their mean absolute error in accuracy, and the share that the band holds.

    Every draw is a team that has the labels of the largest size and no others; its smaller
    sizes are drawn anew from those. The test split judges, as a gate would, and the truth
    is what the same team's model scores with more labels. The arm `hypermatch` learns from
    the rest of the pool too, without its labels. `error_of_mean` compares the
    means over draws: what is left when the luck of single draws is not asked for.
    """
    cells: list[dict[str, Any]] = []
    for number in range(n_draws):
        cells += _team(split, recipe, curve, sizes, predict, number, arm)
        say(f"draw {number}: " + ", ".join(f"{cell['per_class']} per class {cell['predicted']:.3f} "
                                           f"[{cell['low']:.3f}, {cell['high']:.3f}], is {cell['accuracy']:.3f}"
                                           for cell in cells if cell["draw"] == number))
    return {"arm": arm, "n_classes": len(split.labels), "n_test": len(split.test), "mae": _mae(cells),
            "coverage_80": _mean([cell["low"] <= cell["accuracy"] <= cell["high"] for cell in cells]),
            "by_size": {str(size): _summary([cell for cell in cells if cell["per_class"] == size])
                        for size in predict if any(cell["per_class"] == size for cell in cells)},
            "cells": cells}


def _team(split: Split, recipe: Recipe, curve: CurveRecipe, sizes: Sequence[int], predict: Sequence[int],
          number: int, arm: str) -> list[dict[str, Any]]:
    at_hand, learner = _drawn(split, recipe, max(sizes), number, arm)
    points = judged_by(split.test, at_hand, [_n_labels(at_hand, size) for size in sizes], learner, curve.n_draws,
                       number, lambda _done: None)
    posterior = posterior_of(evidence_of(points, len(split.test), is_same_judge=True), number)
    cells = []
    for size in predict:
        labeled, learner = _drawn(split, recipe, size, number, arm)
        if len(labeled) >= LEAST_GROWTH * len(at_hand):
            low, middle, high = band(posterior, np.array([len(labeled)]), curve.confidence, number)[:, 0]
            found = _truth(labeled, split.test, learner, number)
            cells.append({"per_class": size, "draw": number, "n_labels": len(labeled),
                          "predicted": round(float(middle), 4), "low": round(float(low), 4),
                          "high": round(float(high), 4), "accuracy": round(found.accuracy, 4),
                          "measured": [[point.n_labels, round(point.accuracy, 4)] for point in points]})
    return cells


def _drawn(split: Split, recipe: Recipe, size: int, number: int, arm: str) -> tuple[Labeled, Learner]:
    """Return the labels of a draw, and what learns from them; the rest of the pool is its bank."""
    drawn, rest = drawn_rows(split.pool, size, number)

    def hypermatch(labeled: Labeled, others: np.ndarray, seed: int) -> Head:
        bank = Unlabeled(np.concatenate([split.pool.vectors[rest], others]))
        return learn(labeled, bank, split.names, recipe.head, recipe.in_domain, seed).head

    return split.pool.take(drawn), hypermatch if arm == "hypermatch" else labels_only(recipe)


def _truth(labeled: Labeled, test: Labeled, learner: Learner, number: int) -> Point:
    return judged_by(test, labeled, [len(labeled)], learner, 1, number, lambda _done: None)[0]


def _n_labels(labeled: Labeled, per_class: int) -> int:
    return int(np.minimum(labeled.counts(), per_class).sum())


def _summary(cells: Sequence[dict[str, Any]]) -> dict[str, float]:
    bias = _mean([cell["predicted"] - cell["accuracy"] for cell in cells])
    return {"mae": _mae(cells), "error_of_mean": abs(bias), "bias": bias,
            "coverage_80": _mean([cell["low"] <= cell["accuracy"] <= cell["high"] for cell in cells]),
            "width": _mean([cell["high"] - cell["low"] for cell in cells])}


def _mae(cells: Sequence[dict[str, Any]]) -> float:
    return _mean([abs(cell["predicted"] - cell["accuracy"]) for cell in cells])


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if values else float("nan")
