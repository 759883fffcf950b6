"""Measures how well a curve drawn from few labels foretells what more of them bring."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from infra.bench.learning import Split, drawn_rows
from trainer.curve.curve import labels_only
from trainer.curve.demand import band
from trainer.curve.draws import judged_by
from trainer.curve.points import Point, evidence_of
from trainer.curve.posterior import posterior_of
from trainer.curve.recipe import CurveRecipe
from trainer.learning.embedded import Labeled
from trainer.recipe import Recipe

LEAST_GROWTH = 1.3                                    # a class runs out of texts: no more labels, nothing to foretell
Say = Callable[[str], None]


def measure(split: Split, recipe: Recipe, curve: CurveRecipe, *, sizes: Sequence[int], predict: Sequence[int],
            n_draws: int, say: Say) -> dict[str, Any]:
    """Return cells, their mean absolute error in accuracy, and the share that the band holds.

    Every draw is a team that has the labels of the largest size and no others; its smaller
    sizes are drawn anew from those. The test split judges, as a gate would, and the truth
    is what the same team's model scores with more labels. `error_of_mean` compares the
    means over draws: what is left when the luck of single draws is not asked for.
    """
    cells: list[dict[str, Any]] = []
    for number in range(n_draws):
        cells += _team(split, recipe, curve, sizes, predict, number)
        say(f"draw {number}: " + ", ".join(f"{cell['per_class']} per class {cell['predicted']:.3f} "
                                           f"[{cell['low']:.3f}, {cell['high']:.3f}], is {cell['accuracy']:.3f}"
                                           for cell in cells if cell["draw"] == number))
    return {"n_classes": len(split.labels), "n_test": len(split.test), "mae": _mae(cells),
            "coverage_80": _mean([cell["low"] <= cell["accuracy"] <= cell["high"] for cell in cells]),
            "by_size": {str(size): _summary([cell for cell in cells if cell["per_class"] == size])
                        for size in predict if any(cell["per_class"] == size for cell in cells)},
            "cells": cells}


def _team(split: Split, recipe: Recipe, curve: CurveRecipe, sizes: Sequence[int], predict: Sequence[int],
          number: int) -> list[dict[str, Any]]:
    at_hand = split.pool.take(drawn_rows(split.pool, max(sizes), number)[0])
    points = judged_by(split.test, at_hand, [_n_labels(at_hand, size) for size in sizes], labels_only(recipe),
                       curve.n_draws, number, lambda _done: None)
    posterior = posterior_of(evidence_of(points, len(split.test), is_same_judge=True), number)
    cells = []
    for size in predict:
        labeled = split.pool.take(drawn_rows(split.pool, size, number)[0])
        if len(labeled) >= LEAST_GROWTH * len(at_hand):
            low, middle, high = band(posterior, np.array([len(labeled)]), curve.confidence, number)[:, 0]
            found = _truth(labeled, split.test, recipe, number)
            cells.append({"per_class": size, "draw": number, "n_labels": len(labeled),
                          "predicted": round(float(middle), 4), "low": round(float(low), 4),
                          "high": round(float(high), 4), "accuracy": round(found.accuracy, 4),
                          "measured": [[point.n_labels, round(point.accuracy, 4)] for point in points]})
    return cells


def _truth(labeled: Labeled, test: Labeled, recipe: Recipe, number: int) -> Point:
    return judged_by(test, labeled, [len(labeled)], labels_only(recipe), 1, number, lambda _done: None)[0]


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
