"""The method: from labels, and in time from traffic, to a calibrated head."""

from dataclasses import dataclass

import numpy as np

from trainer.errors import NotTrainable
from trainer.learning.calibration import fit_temperature, negative_log_likelihood
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.folds import deal
from trainer.learning.head import Head, fit_linear, logits_of, prototypes_of
from trainer.recipe import HeadRecipe

FULL_SEARCH_LABELS = 2_000                            # beyond it the strength is chosen on a sample of this size
UNCALIBRATED = 1.0


@dataclass(frozen=True)
class HeldOut:
    """What heads say of labels they did not see."""

    logits: np.ndarray                                # (n, C)
    classes: np.ndarray

    @property
    def temperature(self) -> float:
        return fit_temperature(self.logits, self.classes)

    @property
    def loss(self) -> float:
        """Cross-entropy after calibration: strengths are compared by what would be served."""
        return negative_log_likelihood(self.logits / self.temperature, self.classes)

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(axis=1) == self.classes).mean())


def learn(labeled: Labeled, unlabeled: Unlabeled | None, recipe: HeadRecipe, seed: int) -> Head:
    """Learn a head; raises NotTrainable if fewer than two classes have labels.

    The traffic is not used yet: this is where a method that does takes its place.
    """
    if np.count_nonzero(labeled.counts()) < 2:
        raise NotTrainable(f"{len(labeled)} labels of {np.count_nonzero(labeled.counts())} classes teach nothing",
                           "import train labels of at least two classes: `hypermatch labels import`")
    return learn_supervised(labeled, recipe, seed)


def learn_supervised(labeled: Labeled, recipe: HeadRecipe, seed: int) -> Head:
    """Logistic regression; strength and temperature come from labels held out in turn."""
    sample = labeled.take(_sample(len(labeled), seed))
    tried = {strength: held_out(sample, strength, recipe.n_folds, seed) for strength in sorted(recipe.strengths)}
    if any(each is None for each in tried.values()):
        return _head(labeled, recipe.unchosen_strength, None)
    best = min(tried, key=lambda strength: tried[strength].loss)  # type: ignore[union-attr]
    return _head(labeled, best, tried[best])


def held_out(labeled: Labeled, strength: float, n_folds: int, seed: int) -> HeldOut | None:
    """Fit on all folds but one, in turn, and collect what is said of that one.

    Only rows whose class is still among the fitted ones count; None if there are none.
    """
    counts = labeled.counts()
    folds = deal(labeled.classes, min(n_folds, max(int(counts.max()), 2)), seed)
    logits, classes = [], []
    for fold in np.unique(folds):
        fitted = labeled.take(folds != fold)
        rows = (folds == fold) & (fitted.counts()[labeled.classes] > 0)
        if rows.any():
            logits.append(logits_of(fit_linear(fitted, strength), labeled.vectors[rows]))
            classes.append(labeled.classes[rows])
    return HeldOut(np.concatenate(logits), np.concatenate(classes)) if logits else None


def _head(labeled: Labeled, strength: float, found: HeldOut | None) -> Head:
    linear = fit_linear(labeled, strength)
    facts = {"strength": strength}
    if found is not None:
        facts |= {"cross_fitted_accuracy": found.accuracy, "cross_fitted_labels": len(found.classes)}
    return Head(weight=np.ascontiguousarray(linear[:, :-1]), bias=linear[:, -1].copy(),
                temperature=UNCALIBRATED if found is None else found.temperature,
                prototypes=prototypes_of(labeled), facts=facts)


def _sample(n: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).permutation(n)[:FULL_SEARCH_LABELS]
    return np.sort(rows)
