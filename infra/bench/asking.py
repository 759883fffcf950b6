"""Measures which way of choosing the texts to label next is worth most, from the same first labels."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import mean, stdev
from typing import Any

import numpy as np

from infra.bench.learning import Split, drawn_rows
from trainer.asking.asking import ask, class_probs
from trainer.asking.recipe import WAYS, AskingRecipe
from trainer.recipe import Recipe

ARMS = {**{way: AskingRecipe(way=way, random_share=0.0) for way in WAYS}, "default": AskingRecipe()}  # type: ignore[arg-type]
Say = Callable[[str], None]


def measure(split: Split, recipe: Recipe, *, start: int, n_rounds: int, count: int, n_draws: int,
            say: Say) -> dict[str, Any]:
    """Return cells and, per arm, the gain in accuracy over asking at random, mean of the rounds, with its error."""
    cells: list[dict[str, Any]] = []
    for draw in range(n_draws):
        for arm, asking in ARMS.items():
            cells += _arm(split, recipe, arm, asking, start, n_rounds, count, draw)
        say(f"draw {draw}: " + ", ".join(f"{arm} {_scores(cells, arm, draw)[-1]:.3f}" for arm in ARMS))
    return {"start": start, "count": count, "n_classes": len(split.labels), "gains": gains(cells, n_draws),
            "cells": cells}


def gains(cells: Sequence[dict[str, Any]], n_draws: int) -> dict[str, dict[str, float]]:
    """Compare each arm with the random one, draw by draw, over the rounds after the first labels."""
    found = {}
    for arm in ARMS:
        if arm != "random":
            each = [mean(_scores(cells, arm, draw)[1:]) - mean(_scores(cells, "random", draw)[1:])
                    for draw in range(n_draws)]
            error = stdev(each) / n_draws**0.5 if n_draws > 1 else float("nan")
            found[arm] = {"gain": round(mean(each), 4), "error": round(error, 4)}
    return found


def _arm(split: Split, recipe: Recipe, arm: str, asking: AskingRecipe, start: int, n_rounds: int, count: int,
         draw: int) -> list[dict[str, Any]]:
    """Ask in rounds; the labels of the rest of the pool are what a person answers."""
    pool, cells = split.pool, []
    is_labeled = first_rows(split, start, draw)
    for number in range(n_rounds + 1):
        labeled = pool.take(np.flatnonzero(is_labeled))
        rest = np.flatnonzero(~is_labeled)
        probs = class_probs(labeled, np.concatenate([split.test.vectors, pool.vectors[rest]]),
                            replace(recipe, seed=draw))
        n_test = len(split.test)
        accuracy = float((probs[:n_test].argmax(axis=1) == split.test.classes).mean())
        cells.append({"arm": arm, "draw": draw, "round": number, "n_labels": len(labeled),
                      "accuracy": round(accuracy, 4)})
        if number < n_rounds:
            rows = ask(pool.vectors[rest], probs[n_test:], labeled.vectors, count, asking, 1_000 * draw + number)
            is_labeled[rest[[row for row, _ in rows]]] = True
    return cells


def first_rows(split: Split, start: int, draw: int) -> np.ndarray:
    """Return which rows of the pool are labeled at first, (n,): those of the learning benchmark's draw."""
    return np.isin(np.arange(len(split.pool)), drawn_rows(split.pool, start, draw)[0])


def _scores(cells: Sequence[dict[str, Any]], arm: str, draw: int) -> list[float]:
    return [cell["accuracy"] for cell in cells if cell["arm"] == arm and cell["draw"] == draw]
