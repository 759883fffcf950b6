"""Scores of found groups against true classes: ACC by the best matching, NMI, ARI, and H over known and new classes."""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score


def scores_of(classes: np.ndarray, groups: np.ndarray, is_known: np.ndarray) -> dict[str, Any]:
    """Score the groups (n,) of texts; `is_known` (n,) says whether their class had labels."""
    right = matched(classes, groups)
    return {"acc": float(right.mean()), "nmi": float(normalized_mutual_info_score(classes, groups)),
            "ari": float(adjusted_rand_score(classes, groups)), "h_score": h_score(right, is_known)}


def matched(classes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return which texts (n,) are in the group that the best one-to-one matching gives their class."""
    n = int(max(classes.max(), groups.max())) + 1
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (groups, classes), 1)
    rows, columns = linear_sum_assignment(-counts)
    return np.asarray(columns[np.argsort(rows)][groups] == classes)


def h_score(is_right: np.ndarray, is_known: np.ndarray) -> float:
    """Return the harmonic mean of the accuracy on known and on new classes; 0 if either is not there."""
    if is_known.all() or not is_known.any():
        return 0.0
    known, new = float(is_right[is_known].mean()), float(is_right[~is_known].mean())
    return 2 * known * new / max(known + new, 1e-12)
