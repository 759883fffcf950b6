"""Scores of a clustering against the true classes: ACC by the best matching, and H over known and new classes."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def matched(classes: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Return which texts (n,) are in the cluster that the best one-to-one matching gives their class."""
    n = int(max(classes.max(), clusters.max())) + 1
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (clusters, classes), 1)
    rows, columns = linear_sum_assignment(-counts)
    return columns[np.argsort(rows)][clusters] == classes


def h_score(is_matched: np.ndarray, is_known: np.ndarray) -> float:
    """Return the harmonic mean of the accuracy on known and on new classes."""
    known, new = float(is_matched[is_known].mean()), float(is_matched[~is_known].mean())
    return 2 * known * new / max(known + new, 1e-12)
