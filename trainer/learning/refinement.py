"""Sharpens what graph and head taught: consistency training that starts from the surest pseudo-labels of each class."""

import numpy as np
from scipy.special import softmax

from trainer.learning.consistency import ConsistencyRecipe, learn_consistent
from trainer.learning.embedded import Labeled
from trainer.learning.head import logits_of
from trainer.recipe import InDomainRecipe

LABEL_SHARE = 0.2                                     # of what the refined student is taught, that humans labeled


def refined(labeled: Labeled, bank: np.ndarray, probs: np.ndarray, prior: np.ndarray, recipe: InDomainRecipe,
            seed: int) -> np.ndarray:
    """Return the mean of `probs` (n, C), what a student says of the bank (n, d), and what it says once refined.

    The refined student, held to the bank's class shares `prior` (C,), puts its boundaries where
    the bank is thin, which pseudo-labels alone do not; the mean keeps the doubts of the first,
    for the second has hardly any.
    """
    surest = _surest(probs, recipe.refine_surest)
    repeats = _repeats(len(labeled), len(surest))
    taught = Labeled(np.concatenate([np.repeat(labeled.vectors, repeats, axis=0), bank[surest]]),
                     np.concatenate([np.repeat(labeled.classes, repeats), probs[surest].argmax(axis=1)]),
                     labeled.n_classes)
    linear = learn_consistent(taught, bank, ConsistencyRecipe(n_steps=recipe.refine_steps), seed, prior=prior)
    return 0.5 * probs + 0.5 * softmax(logits_of(linear, bank), axis=1)


def _surest(probs: np.ndarray, share: float) -> np.ndarray:
    """Return the rows of the surest guesses of each class, the same share of each."""
    guesses, confidence = probs.argmax(axis=1), probs.max(axis=1)
    taken = []
    for number in np.unique(guesses):
        rows = np.flatnonzero(guesses == number)
        taken.append(rows[np.argsort(-confidence[rows], kind="stable")][: max(1, int(share * len(rows)))])
    return np.concatenate(taken)


def _repeats(n_labels: int, n_surest: int) -> int:
    """Return how often each human label is laid beside the pseudo-labels to be `LABEL_SHARE` of all."""
    return max(1, round(LABEL_SHARE / (1 - LABEL_SHARE) * n_surest / max(n_labels, 1)))
