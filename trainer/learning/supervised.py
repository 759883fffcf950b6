"""Labels only: logistic regression whose strength and temperature come from labels held out in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trainer.learning.calibration import fit_temperature, negative_log_likelihood
from trainer.learning.embedded import Labeled
from trainer.learning.folds import deal
from trainer.learning.head import Head, fit_linear, logits_of, prototypes_of
from trainer.recipe import HeadRecipe

FULL_SEARCH_LABELS = 1_500                            # beyond it the strength is chosen on a sample of this size
UNCALIBRATED = 0.5                                    # what two labels per class find on BANKING77, for want of any


@dataclass(frozen=True)
class Holdout:
    """Labels to fit, and others to ask the fitted head."""

    fitted: Labeled
    asked: Labeled


@dataclass(frozen=True)
class HeldOut:
    """What heads say of labels they did not see."""

    logits: np.ndarray                                # (n, C)
    classes: np.ndarray

    @classmethod
    def of(cls, rounds: Sequence[Holdout], linears: Sequence[np.ndarray]) -> "HeldOut":
        logits = [logits_of(linear, each.asked.vectors) for each, linear in zip(rounds, linears, strict=True)]
        return cls(np.concatenate(logits), np.concatenate([each.asked.classes for each in rounds]))

    @cached_property
    def temperature(self) -> float:
        return fit_temperature(self.logits, self.classes)

    @cached_property
    def loss(self) -> float:
        """Cross-entropy after calibration: strengths are compared by what would be served."""
        return negative_log_likelihood(self.logits / self.temperature, self.classes)

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(axis=1) == self.classes).mean())


def learn_supervised(labeled: Labeled, recipe: HeadRecipe, seed: int) -> Head:
    """Logistic regression; strength and temperature come from labels held out in turn."""
    rounds = holdouts(labeled.take(_sample(len(labeled), seed)), recipe.n_folds, seed)
    if not rounds:
        return _head(labeled, recipe.unchosen_strength, None)
    strength, found = choose_strength(rounds, recipe.strengths)
    return _head(labeled, strength, found)


def choose_strength(rounds: list[Holdout], strengths: Sequence[float]) -> tuple[float, HeldOut]:
    """Return the strength whose held-out loss is lowest, from the weakest up until the loss rises."""
    best: tuple[float, HeldOut] | None = None
    starts: list[np.ndarray | None] = [None for _ in rounds]
    for strength in sorted(strengths):
        linears = [fit_linear(each.fitted, strength, start) for each, start in zip(rounds, starts, strict=True)]
        starts = list(linears)                        # a weaker head is a good start for a stronger
        found = HeldOut.of(rounds, linears)
        if best is not None and found.loss > best[1].loss:
            break
        best = strength, found
    assert best is not None
    return best


def holdouts(labeled: Labeled, n_folds: int, seed: int) -> list[Holdout]:
    """Hold each fold out in turn; rows whose class nothing else has are not asked, so the list may be empty."""
    folds = deal(labeled.classes, min(n_folds, max(int(labeled.counts().max()), 2)), seed)
    rounds = []
    for fold in np.unique(folds):
        fitted = labeled.take(folds != fold)
        rows = (folds == fold) & (fitted.counts()[labeled.classes] > 0)
        if rows.any():
            rounds.append(Holdout(fitted, labeled.take(rows)))
    return rounds


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
