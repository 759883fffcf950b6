"""Novelty: how unlike all known texts a text is, told as the share of known texts that look less novel."""

from dataclasses import dataclass, replace

import numpy as np

from trainer.learning.embedded import Labeled
from trainer.learning.folds import deal
from trainer.learning.head import fit_linear, logits_of
from trainer.learning.novel_traffic import novel_traffic
from trainer.learning.novelty_recipe import NoveltyRecipe
from trainer.learning.novelty_signals import Signals, nearness
from trainer.learning.novelty_weights import learn_weights

N_KNOTS = 48
TAIL_KNOTS = 16                                       # beyond the most novel known text, each halves what is left
N_FOLDS = 4


@dataclass(frozen=True)
class Novelty:
    """`signals @ slopes` -> the share of known texts that look less novel, linear between `knots`.

    Above `threshold` lie, of texts of known classes, the share `false_positive_rate`.
    """

    signals: Signals
    slopes: np.ndarray                                # (2,), at most 0
    knots: np.ndarray                                 # (m,) rising scores
    shares: np.ndarray                                # (m,) rising, in [0, 1)
    threshold: float
    false_positive_rate: float
    n_texts: int
    novel_share: float | None = None                  # of the traffic, estimated; None: too little of it

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return (n,) in [0, 1)."""
        return np.interp(self.signals(vectors) @ self.slopes, self.knots, self.shares)

    def seeing(self, traffic: np.ndarray, recipe: NoveltyRecipe) -> "Novelty":
        """Return the same with the share of `traffic` (n, d) that is novel, and a threshold for it if the recipe asks.

        The threshold of too little traffic, and of a recipe that does not ask, stays.
        """
        found = novel_traffic(self(traffic)) if len(traffic) else None
        if found is None:
            return self
        seen = replace(self, novel_share=found.share)
        if recipe.decided_by == "known":
            return seen
        return replace(seen, threshold=found.even_at, false_positive_rate=1 - found.even_at)


def learn_novelty(labeled: Labeled, recipe: NoveltyRecipe, seed: int) -> Novelty | None:
    """Weigh the signals and calibrate them on labels held out in turn; None where no class has a second label.

    Which signals tell classes that nobody named is measured by leaving known classes out.
    """
    labeled = labeled.take(_sample(len(labeled), recipe.max_examples, seed))
    asked = np.flatnonzero(labeled.counts()[labeled.classes] > 1)
    if len(asked) < recipe.min_labels:
        return None
    n_nearest = int(np.clip(np.median(labeled.counts()[labeled.counts() > 0]) // 2, 1, recipe.n_nearest))
    linear = fit_linear(labeled, recipe.strength)
    signals = Signals(labeled.vectors, linear, n_nearest)
    known = held_out_signals(labeled, signals, recipe, seed)[asked]
    weights = learn_weights(labeled, signals, recipe, seed)
    slopes = -weights / known.std(axis=0).clip(min=1e-6)
    knots, shares = calibrated(np.sort(known @ slopes))
    return Novelty(signals, slopes, knots, shares, 1 - recipe.false_positive_rate, recipe.false_positive_rate,
                   len(asked))


def held_out_signals(labeled: Labeled, signals: Signals, recipe: NoveltyRecipe, seed: int) -> np.ndarray:
    """Return the signals (n, 2) of each label as if it had not been seen."""
    found = np.empty((len(labeled), 2))
    found[:, 0] = nearness(labeled.vectors, signals.examples, signals.n_nearest, is_own=True)
    folds = deal(labeled.classes, N_FOLDS, seed)
    for fold in np.unique(folds):
        others = labeled.take(folds != fold)
        strength = recipe.strength * len(labeled) / len(others)      # logits as large as with all labels
        linear = fit_linear(others, strength, signals.linear)
        found[folds == fold, 1] = logits_of(linear, labeled.vectors[folds == fold]).max(axis=1)
    return found


def calibrated(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and shares for rising held-out `scores` (n,) of known texts.

    Beyond the last of them the tail is taken as exponential with the mean excess of the
    highest twentieth, so that very novel texts still differ in how novel they are.
    """
    n = len(scores)
    levels = np.unique(np.concatenate([np.linspace(0, 0.9, N_KNOTS // 2), 1 - np.geomspace(0.1, 1 / n, N_KNOTS // 2)]))
    knots = np.quantile(scores, levels, method="inverted_cdf")
    shares = np.searchsorted(scores, knots, side="right") / (n + 1)
    high = scores[int(0.95 * n) :]
    excess = max(float((high - high[0]).mean()), 1e-3 * float(np.ptp(scores)), 1e-6)
    steps = np.arange(1, TAIL_KNOTS + 1)
    knots = np.concatenate([knots, knots[-1] + steps * excess * np.log(2)])
    shares = np.concatenate([shares, 1 - (1 - shares[-1]) * 0.5**steps])
    kept = np.concatenate([[True], np.diff(knots) > 0])
    return knots[kept], np.maximum.accumulate(shares)[kept]


def _sample(n: int, most: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])
