"""Estimates the shares of labels in a window from how the model errs (black-box shift estimation, arXiv 1802.03916)."""

import numpy as np
from scipy.optimize import nnls

SMOOTHING = 1.0                                       # texts of even confusion added per class


def estimate_priors(labeled_probs: np.ndarray, classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return shares (C,) under which the model would answer as it does; it assumes that labels look as they did.

    A class without labeled texts is taken to be answered by its own name.
    """
    n_classes = labeled_probs.shape[1]
    confusion = np.eye(n_classes) * SMOOTHING                                              # (true, answered)
    np.add.at(confusion, classes, labeled_probs)
    confusion /= confusion.sum(axis=1, keepdims=True)
    shares, _ = nnls(confusion.T, probs.mean(axis=0).astype(np.float64))
    return shares / max(shares.sum(), 1e-12)
