"""Deals labels into folds so that each class is spread as evenly as it can be."""

import numpy as np


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
