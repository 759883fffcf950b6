"""Measures class discovery: a part of the classes has a few labels, all other texts of the train split have none."""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np

from infra.bench.extension import extend
from infra.bench.learning import Split
from registry.text import normalize
from trainer.discovery.finding import find_again, find_groups
from trainer.discovery.grouping import Groups
from trainer.discovery.number import number_by_share
from trainer.discovery.scores import scores_of
from trainer.discovery.space import mapped, smooth, space_of
from trainer.discovery.tuning import head_of, tuned_on, why_not_tuned
from trainer.fine_tuning.devices import n_gpus
from trainer.fine_tuning.engine import Workshop
from trainer.fine_tuning.rounds import vectors_of
from trainer.learning.embedded import Labeled
from trainer.learning.head import logits_of
from trainer.learning.novelty import learn_novelty
from trainer.learning.novelty_recipe import NoveltyRecipe
from trainer.progress import StepBar
from trainer.recipe import InDomainRecipe, Recipe

Say = Callable[[str], None]
KEYS = ("acc", "nmi", "ari", "h_score", "k_estimated", "seconds")


def measure(split: Split, recipe: Recipe, *, known_ratio: float, labeled_ratio: float, n_classes: int, n_draws: int,
            threads: int, say: Say) -> dict[str, Any]:
    """Return a result per draw and their means; scores are on the test split; `n_classes` 0 has K estimated."""
    began, draws = time.perf_counter(), []
    smoothed = smooth(split.pool.vectors, recipe.discovery)       # without labels, so that one does for all draws
    seconds = time.perf_counter() - began
    for number in range(n_draws):
        draws.append(_draw(split, smoothed, replace(recipe, seed=number), known_ratio, labeled_ratio, n_classes,
                           seconds, threads))
        say(f"draw {number}: {draws[-1]}")
    extension = {key: round(mean(each["extension"][key] for each in draws), 4) for key in draws[0]["extension"]}
    means = {key: round(mean(each[key] for each in draws), 4) for key in KEYS}
    return {"tuned": not why_not_tuned(recipe, n_gpus()), "draws": draws, "mean": means, "extension": extension}


def _draw(split: Split, smoothed: np.ndarray, recipe: Recipe, known_ratio: float, labeled_ratio: float,
          n_classes: int, seconds: float, threads: int) -> dict[str, Any]:
    generator, number = np.random.default_rng(recipe.seed), recipe.seed
    n_true = split.pool.n_classes
    known = np.sort(generator.permutation(n_true)[: max(round(known_ratio * n_true), 2)])
    looking = replace(recipe.discovery, n_classes=max(n_classes - len(known), 0))
    rows = _labeled_rows(split.pool, known, labeled_ratio, generator)
    others = np.setdiff1d(np.arange(len(split.pool)), rows)
    labeled = Labeled(split.pool.vectors[rows], np.searchsorted(known, split.pool.classes[rows]), len(known))
    n_by_share = _number_by_share(labeled, split.pool.vectors[others], number)        # a champion brings its novelty
    began, order = time.perf_counter(), np.concatenate([rows, others])
    space = replace(mapped(smoothed[order], labeled.classes, len(known), looking.shrinkage), n_by_share=n_by_share)
    seen, vectors, asked = find_groups(space, looking, number), split.pool.vectors[order], split.test.vectors
    if not why_not_tuned(recipe, n_gpus()):
        vectors, asked = _tuned(split, seen.groups, order, len(rows), recipe, threads)
        space = space_of(replace(labeled, vectors=vectors[: len(rows)]), vectors[len(rows) :], looking,
                         n_by_share=n_by_share)
        seen = find_again(space, seen, looking, number)
    found = answers(seen.groups, vectors, asked)
    seconds += time.perf_counter() - began
    scores = scores_of(split.test.classes, found, np.isin(split.test.classes, known))
    grown = extend(labeled, known, space, seen.groups, split.pool.vectors[others], split.pool.classes[others],
                   split.test, looking, number)
    return {key: round(value, 4) for key, value in scores.items()} | {
        "k_estimated": seen.n_classes, "k_true": n_true, "n_labels": len(rows), "seconds": round(seconds, 2),
        "extension": grown}


def _tuned(split: Split, groups: Groups, order: np.ndarray, n_labeled: int, recipe: Recipe,
           threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of the pool, in this order, and of the test texts, of an encoder tuned on the groups."""
    texts = [normalize(split.pool_texts[row]) for row in order]
    with StepBar() as bar:
        shop = Workshop(split.encoder, split.cache, threads, bar.report)
        encoder = tuned_on(groups, texts, n_labeled, recipe, shop)
        asked = [normalize(text) for text in split.test_texts]
        vectors = vectors_of(encoder, texts + asked, split.cache, threads, lambda done: bar.report("embedding", done))
    return vectors[: len(texts)], vectors[len(texts) :]


def answers(groups: Groups, vectors: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the group (n,) that a head which learned the groups gives to texts it has not seen."""
    return np.asarray(logits_of(head_of(groups, vectors, InDomainRecipe()), asked).argmax(axis=1))


def _number_by_share(labeled: Labeled, traffic: np.ndarray, seed: int) -> float | None:
    """Return what the novelty that a model of these labels carries says of the number of classes."""
    novelty = learn_novelty(labeled, NoveltyRecipe(), seed)
    return None if novelty is None else number_by_share(novelty(traffic), labeled.n_classes)


def _labeled_rows(pool: Labeled, known: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """Draw the ratio of each known class's texts, at least one."""
    rows = [generator.permutation(np.flatnonzero(pool.classes == number)) for number in known]
    return np.sort(np.concatenate([own[: max(round(ratio * len(own)), 1)] for own in rows]))
