"""Temperature scaling: makes confidence mean what it says (arXiv 1706.04599)."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

LOG_BOUNDS = (np.log(0.02), np.log(20.0))


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the temperature under which held-out `logits` (n, C) explain `classes` best."""
    return _least(lambda temperature: negative_log_likelihood(logits / temperature, classes))


def negative_log_likelihood(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean cross-entropy."""
    top = logits.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((log_total - logits[np.arange(len(classes)), classes]).mean())


def fit_soft_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature under which `logits` (n, C) are nearest to soft `targets` (n, C)."""
    return _least(lambda temperature: soft_cross_entropy(logits / temperature, targets))


def fit_joint_temperature(logits: np.ndarray, classes: np.ndarray, bank: np.ndarray, targets: np.ndarray,
                          bank_answers: float) -> float:
    """Return the temperature that explains held-out `classes` (n,), and soft `targets` (m, C) of the bank.

    All of the bank counts as `bank_answers` held-out ones. A few labels, all answered right,
    would otherwise ask for boundless confidence.
    """
    return _least(lambda temperature: len(classes) * negative_log_likelihood(logits / temperature, classes)
                  + bank_answers * soft_cross_entropy(bank / temperature, targets))


def soft_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cross-entropy to soft targets."""
    top = logits.max(axis=1)
    log_total = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
    return float((log_total - (targets * logits).sum(axis=1)).mean())


def _least(loss: Callable[[float], float]) -> float:
    found = minimize_scalar(lambda log: loss(np.exp(log)), bounds=LOG_BOUNDS, method="bounded",
                            options={"xatol": 1e-4})
    return float(np.exp(found.x))
