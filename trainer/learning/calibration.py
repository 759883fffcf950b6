"""Temperature scaling: makes confidence mean what it says (arXiv 1706.04599)."""

import numpy as np
from scipy.optimize import minimize_scalar

LOG_BOUNDS = (np.log(0.02), np.log(20.0))


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the temperature under which held-out `logits` (n, C) explain `classes` best."""
    found = minimize_scalar(lambda log: negative_log_likelihood(logits / np.exp(log), classes),
                            bounds=LOG_BOUNDS, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def negative_log_likelihood(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean cross-entropy."""
    top = logits.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((log_total - logits[np.arange(len(classes)), classes]).mean())


def fit_soft_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature under which `logits` (n, C) are nearest to soft `targets` (n, C)."""
    def loss(log: float) -> float:
        scaled = logits / np.exp(log)
        top = scaled.max(axis=1)
        log_total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        return float((log_total - (targets * scaled).sum(axis=1)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_BOUNDS, method="bounded", options={"xatol": 1e-4}).x))
