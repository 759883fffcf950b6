"""Deals labels into folds so that each class is spread as evenly as it can be."""

import numpy as np

from trainer.learning.embedded import Labeled


def deal(classes: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row, (n,); the rows of one class land in folds as different as possible."""
    generator = np.random.default_rng(seed)
    folds = np.empty(len(classes), np.int64)
    next_fold = 0
    for number in np.unique(classes):
        rows = generator.permutation(np.flatnonzero(classes == number))
        folds[rows] = (next_fold + np.arange(len(rows))) % n_folds
        next_fold += len(rows)
    return folds


def held_out_rows(labeled: Labeled, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, fold by fold, the rows to learn from and the rows to ask, which are of classes that are learned.

    Folds that leave nothing to learn or to ask are left out; nothing if no class has a second label.
    """
    n_folds = min(n_folds, int(labeled.counts().max()))
    if n_folds < 2:
        return []
    folds, rounds = deal(labeled.classes, n_folds, seed), []
    for fold in np.unique(folds):
        kept = np.flatnonzero(folds != fold)
        counts = labeled.take(kept).counts()
        asked = np.flatnonzero((folds == fold) & (counts[labeled.classes] > 0))
        if len(asked) and np.count_nonzero(counts) >= 2:
            rounds.append((kept, asked))
    return rounds
