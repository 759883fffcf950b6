"""Measures novelty: which test texts of classes that had no labels are told from those that had, and how well."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

import numpy as np

from infra.bench.learning import Split
from registry.text import normalize
from trainer.evaluation import macro_f1_of
from trainer.fine_tuning.rounds import Sight, Subject, tune, vectors_of
from trainer.learning.embedded import Labeled
from trainer.learning.label_names import spoken
from trainer.learning.novel_traffic import novel_traffic
from trainer.learning.novelty import Novelty, learn_novelty
from trainer.learning.supervised import learn_supervised
from trainer.progress import StepBar
from trainer.recipe import Recipe

Say = Callable[[str], None]
Outside = Mapping[str, np.ndarray]                    # test vectors of no class, by their kind
RECALL = 0.95                                         # of novel texts, at which false positives are counted
KEYS = ("auroc", "fpr95", "open_accuracy", "open_f1", "known_called_novel")
TRAFFIC_KEYS = ("open_accuracy", "open_f1", "known_called_novel", "novel_share", "true_novel_share")


@dataclass(frozen=True)
class Seen:
    """What is measured, as one encoder sees it: the labeled texts, the test texts, and texts of no class by kind."""

    labeled: Labeled
    test: np.ndarray
    outside: Outside


# Given the rows of the pool that are labeled, their classes among the known, and which classes these are.
Look = Callable[[np.ndarray, np.ndarray, np.ndarray, int], Seen]


def measure(split: Split, look: Look, recipe: Recipe, *, known_ratio: float, n_draws: int, say: Say) -> dict[str, Any]:
    """Return means over draws of the known classes, of which `look` says how they look.

    `open_accuracy` and `open_f1` count one more class, the unknown, at the threshold that
    the known labels set; texts outside belong to it. `by_traffic` are the same at the threshold
    that the other half of the test texts sets, as traffic without labels.
    """
    draws = []
    for number in range(1 if known_ratio == 1 else n_draws):
        draws.append(_draw(split, look, recipe, known_ratio, number))
        say(f"draw {number}: {draws[-1]}")
    outside_means = {kind: {key: _mean([each["outside"][kind][key] for each in draws]) for key in ("auroc", "fpr95")}
                     for kind in draws[0]["outside"]}
    by_traffic = {key: _mean([each["by_traffic"][key] for each in draws]) for key in TRAFFIC_KEYS}
    return {key: _mean([each[key] for each in draws if each[key] is not None]) for key in KEYS} | {
        "by_traffic": by_traffic, "outside": outside_means, "seconds": _mean([each["seconds"] for each in draws]),
        "draws": draws}


def as_it_is(split: Split, outside: Outside) -> Look:
    """Look with the encoder that the split was embedded with."""
    def look(rows: np.ndarray, classes: np.ndarray, known: np.ndarray, _seed: int) -> Seen:
        return Seen(Labeled(split.pool.vectors[rows], classes, len(known)), split.test.vectors, outside)

    return look


def tuned(split: Split, outside: Mapping[str, list[str]], recipe: Recipe, threads: int) -> Look:
    """Look with that encoder tuned on the labels of the known classes, for each draw anew; no other text is used."""
    def look(rows: np.ndarray, classes: np.ndarray, known: np.ndarray, seed: int) -> Seen:
        texts = [split.pool_texts[row] for row in rows]
        subject = Subject(texts, classes, [], [spoken(split.labels[number]) for number in known], speaks=False)
        sight, asked = Sight(split.pool.vectors[rows], split.names[known]), [split.test_texts, *outside.values()]
        with StepBar() as bar:
            tuning = tune(split.encoder, sight, subject, np.arange(len(rows)), replace(recipe, seed=seed), split.cache,
                          threads, bar.report)
            vectors = vectors_of(tuning.encoder, [normalize(text) for each in asked for text in each], split.cache,
                                 threads, lambda done: bar.report("embedding", done))
        test, *others = np.split(vectors, np.cumsum([len(each) for each in asked])[:-1])
        return Seen(Labeled(tuning.sight.texts, classes, len(known)), test, dict(zip(outside, others, strict=True)))

    return look


def _draw(split: Split, look: Look, recipe: Recipe, known_ratio: float, number: int) -> dict[str, Any]:
    n_classes = split.pool.n_classes
    known = np.sort(np.random.default_rng(number).permutation(n_classes)[: max(round(known_ratio * n_classes), 2)])
    rows = np.flatnonzero(np.isin(split.pool.classes, known))
    seen = look(rows, np.searchsorted(known, split.pool.classes[rows]), known, number)
    labeled, outside = seen.labeled, seen.outside
    head = learn_supervised(labeled, recipe.head, number)
    began = time.perf_counter()
    novelty = learn_novelty(labeled, recipe.novelty, number)
    seconds = time.perf_counter() - began
    assert novelty is not None
    is_known = np.isin(split.test.classes, known)
    vectors = np.concatenate([seen.test, *outside.values()])
    classes = np.concatenate([np.where(is_known, np.searchsorted(known, split.test.classes), len(known)),
                              np.full(len(vectors) - len(split.test), len(known))])
    told, guesses = novelty(vectors), head.probs(vectors).argmax(axis=1)
    unknown = len(known)
    familiar, strange = told[classes < unknown], told[classes == unknown]
    thresholds, share = _by_halves(told, novelty.threshold, number)
    found = _told_apart(familiar, strange) | _open(guesses, told >= novelty.threshold, classes, unknown) | {
        "by_traffic": _open(guesses, told >= thresholds, classes, unknown) | {
            "novel_share": share, "true_novel_share": round(len(strange) / len(told), 4)}}
    return found | {"outside": {kind: _told_apart(familiar, novelty(each)) for kind, each in outside.items()},
                    "signals": _weights(novelty, labeled), "seconds": round(seconds, 2)}


def _by_halves(told: np.ndarray, stated: float, seed: int) -> tuple[np.ndarray, float | None]:
    """Return for each text the threshold (n,) that the other half sets as traffic, and the share it finds novel.

    Where a half is too small to set one, the `stated` threshold stays.
    """
    halves = np.random.default_rng(seed).permutation(len(told)) % 2
    seen = [novel_traffic(told[halves != half]) for half in (0, 1)]
    thresholds = np.array([stated if each is None else each.even_at for each in seen])
    return thresholds[halves], _mean([None if each is None else each.share for each in seen])


def _open(guesses: np.ndarray, is_novel: np.ndarray, classes: np.ndarray, unknown: int) -> dict[str, float]:
    """Score answers (n,) among the known classes and, behind them, the unknown, where all that is novel belongs."""
    answers = np.where(is_novel, unknown, guesses)
    return {"open_accuracy": round(float((answers == classes).mean()), 4),
            "open_f1": round(macro_f1_of(classes, answers, unknown + 1), 4),
            "known_called_novel": round(float(is_novel[classes < unknown].mean()), 4)}


def _told_apart(known: np.ndarray, novel: np.ndarray) -> dict[str, float | None]:
    """Return how likely a novel text looks more novel than a known one, and the false positives at 95 % recall."""
    if not len(novel):
        return {"auroc": None, "fpr95": None}
    ordered = np.sort(known)
    below = (np.searchsorted(ordered, novel, "left") + np.searchsorted(ordered, novel, "right")) / 2
    at = np.quantile(novel, 1 - RECALL)
    return {"auroc": round(float(below.mean() / len(known)), 4), "fpr95": round(float((known >= at).mean()), 4)}


def _weights(novelty: Novelty, labeled: Labeled) -> dict[str, float]:
    """Say how much of the score each signal makes, in its spread over the labels."""
    spread = np.abs(novelty.slopes) * novelty.signals(labeled.vectors[:2_000]).std(axis=0)
    return dict(zip(("nearness", "logit"), (spread / spread.sum()).round(3).tolist(), strict=True))


def _mean(values: list[Any]) -> float | None:
    numbers = [value for value in values if value is not None]
    return round(mean(numbers), 4) if numbers else None
