"""Measures class discovery: a part of the classes has a few labels, all other texts of the train split have none."""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np

from infra.bench.extension import extend
from infra.bench.learning import Split
from trainer.discovery.finding import find_groups
from trainer.discovery.grouping import Groups
from trainer.discovery.number import number_by_share
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.scores import scores_of
from trainer.discovery.space import mapped, smooth
from trainer.learning.embedded import Labeled
from trainer.learning.head import logits_of
from trainer.learning.novelty import learn_novelty
from trainer.learning.novelty_recipe import NoveltyRecipe
from trainer.learning.soft_fit import fit_soft_linear
from trainer.recipe import InDomainRecipe

Say = Callable[[str], None]
KEYS = ("acc", "nmi", "ari", "h_score", "k_estimated", "seconds")


def measure(split: Split, recipe: DiscoveryRecipe, *, known_ratio: float, labeled_ratio: float, n_classes: int,
            n_draws: int, say: Say) -> dict[str, Any]:
    """Return a result per draw and their means; scores are on the test split; `n_classes` 0 has K estimated."""
    began, draws = time.perf_counter(), []
    smoothed = smooth(split.pool.vectors, recipe)     # without labels, so that one does for all draws
    seconds = time.perf_counter() - began
    for number in range(n_draws):
        draws.append(_draw(split, smoothed, recipe, known_ratio, labeled_ratio, n_classes, number, seconds))
        say(f"draw {number}: {draws[-1]}")
    extension = {key: round(mean(each["extension"][key] for each in draws), 4) for key in draws[0]["extension"]}
    return {"draws": draws, "mean": {key: round(mean(each[key] for each in draws), 4) for key in KEYS},
            "extension": extension}


def _draw(split: Split, smoothed: np.ndarray, recipe: DiscoveryRecipe, known_ratio: float, labeled_ratio: float,
          n_classes: int, number: int, seconds: float) -> dict[str, Any]:
    generator = np.random.default_rng(number)
    n_true = split.pool.n_classes
    known = np.sort(generator.permutation(n_true)[: max(round(known_ratio * n_true), 2)])
    rows = _labeled_rows(split.pool, known, labeled_ratio, generator)
    others = np.setdiff1d(np.arange(len(split.pool)), rows)
    labeled = Labeled(split.pool.vectors[rows], np.searchsorted(known, split.pool.classes[rows]), len(known))
    n_by_share = _number_by_share(labeled, split.pool.vectors[others], number)        # a champion brings its novelty
    began = time.perf_counter()
    space = replace(mapped(smoothed[np.concatenate([rows, others])], labeled.classes, len(known), recipe.shrinkage),
                    n_by_share=n_by_share)
    seen = find_groups(space, replace(recipe, n_classes=max(n_classes - len(known), 0)), number)
    found = answers(seen.groups, np.concatenate([labeled.vectors, split.pool.vectors[others]]), split.test.vectors)
    seconds += time.perf_counter() - began
    scores = scores_of(split.test.classes, found, np.isin(split.test.classes, known))
    grown = extend(labeled, known, space, seen.groups, split.pool.vectors[others], split.pool.classes[others],
                   split.test, recipe, number)
    return {key: round(value, 4) for key, value in scores.items()} | {
        "k_estimated": seen.n_classes, "k_true": n_true, "n_labels": len(rows), "seconds": round(seconds, 2),
        "extension": grown}


def answers(groups: Groups, vectors: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the group (n,) that a head which learned the groups gives to texts it has not seen."""
    recipe = InDomainRecipe()
    targets = groups.membership**recipe.sharpness
    targets /= targets.sum(axis=1, keepdims=True)
    linear = fit_soft_linear(vectors, targets, targets.max(axis=1), recipe.strength, recipe.n_iterations)
    return np.asarray(logits_of(linear, asked).argmax(axis=1))


def _number_by_share(labeled: Labeled, traffic: np.ndarray, seed: int) -> float | None:
    """Return what the novelty that a model of these labels carries says of the number of classes."""
    novelty = learn_novelty(labeled, NoveltyRecipe(), seed)
    return None if novelty is None else number_by_share(novelty(traffic), labeled.n_classes)


def _labeled_rows(pool: Labeled, known: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """Draw the ratio of each known class's texts, at least one."""
    rows = [generator.permutation(np.flatnonzero(pool.classes == number)) for number in known]
    return np.sort(np.concatenate([own[: max(round(ratio * len(own)), 1)] for own in rows]))
