"""Distribution alignment: guesses over many texts are pulled to the class shares of the bank, which are estimated."""

import numpy as np

N_ROUNDS = 10                                         # shares are met to 0.001 after 6 on BANKING77
LEAST = 1e-9


def aligned(guesses: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return probabilities (n, C) near `guesses` whose mean is `prior` (C,) (arXiv 1911.09785, iterated to the end)."""
    probs = normalized(guesses)
    for _ in range(N_ROUNDS):
        probs = normalized(probs * (prior / probs.mean(axis=0).clip(min=LEAST)))
    return probs


def counted_prior(guesses: np.ndarray) -> np.ndarray:
    """Return the class shares (C,) halfway between equal ones and those that the likeliest classes are counted in.

    Needs no calibrated guess: one class that fills the bank shows, and a balanced bank loses
    little (0.5 points on SNIPS, none on BANKING77, against 4 won on dated arXiv titles).
    """
    n_classes = guesses.shape[1]
    counts = np.bincount(guesses.argmax(axis=1), minlength=n_classes) + 1.0
    return 0.5 * counts / counts.sum() + 0.5 / n_classes


def estimated_prior(guesses: np.ndarray, trust: float, otherwise: np.ndarray) -> np.ndarray:
    """Return the class shares (C,) that explain `guesses` best, mixed with shares to take `otherwise` (C,).

    Expectation maximization from equal shares (Saerens et al., Neural Computation 2002). It
    believes what it is told, so the guesses had better be calibrated: a head's on train texts of
    seven sets with few classes were off by 0.26 and 0.20 in all at 5 and 10 labels per class,
    those of head and graph together by 0.29 and 0.22. Few labels overshoot even so, hence only
    `trust` of what it finds.
    """
    probs, n_classes = normalized(guesses), guesses.shape[1]
    prior = np.full(n_classes, 1 / n_classes)
    for _ in range(N_ROUNDS):
        prior = normalized(probs * prior * n_classes).mean(axis=0)
    return trust * prior + (1 - trust) * otherwise


def normalized(weights: np.ndarray) -> np.ndarray:
    """Return rows that sum to 1."""
    weights = weights + LEAST
    return weights / weights.sum(axis=1, keepdims=True)
