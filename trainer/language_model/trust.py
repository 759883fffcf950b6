"""How far a label of the language model is believed: what human labels say of answers like it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.language_model.labeling import Readings
from trainer.learning.calibration import fit_temperature
from trainer.learning.folds import deal

N_BINS = 3                                            # of confidence, each for agreement and for disagreement
PRIOR_LABELS = 4.0                                    # a rate counts as if so many labels had said what its parent says
MIN_LABELS = 5                                        # below it nothing is fitted
N_FOLDS = 5
TINY = 1e-9


@dataclass(frozen=True)
class Trust:
    """The estimated probability that an answer is right, by agreement of the prompts and by confidence."""

    temperature: float
    edges: tuple[float, ...]                          # of confidence, N_BINS - 1
    rates: tuple[tuple[float, ...], tuple[float, ...]]     # [prompts agree][bin of confidence]
    accuracy: float | None                            # of the answers on the human labels; None without any
    n_labels: int

    def soft_labels(self, readings: Readings) -> np.ndarray:
        """Return (n, C) float32 probabilities at the fitted temperature."""
        return softened(readings.probs, self.temperature).astype(np.float32)

    def of(self, readings: Readings) -> np.ndarray:
        """Return (n,) float32 in [0, 1]; 0 where no prompt was answered."""
        confidence = softened(readings.probs, self.temperature).max(axis=1, initial=0.0)
        rates = np.array(self.rates)[readings.agree.astype(int), np.searchsorted(self.edges, confidence)]
        is_answered = readings.first.any(axis=1) | readings.second.any(axis=1)
        return np.where(is_answered, rates, 0.0).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def unproven(rate: float) -> Trust:
    """Believe answers at `rate` where the prompts agree and at half of it where they do not."""
    return Trust(temperature=1.0, edges=(0.5,) * (N_BINS - 1), rates=((rate / 2,) * N_BINS, (rate,) * N_BINS),
                 accuracy=None, n_labels=0)


def fit_trust(readings: Readings, classes: np.ndarray, unproven_rate: float) -> Trust:
    """Fit temperature and rates to answers on human labels, read with examples of other labels only.

    Each rate leans on that of its coarser group: cell on agreement, agreement on all,
    all on `unproven_rate`. A handful of labels moves it little.
    """
    if len(classes) < MIN_LABELS:
        return unproven(unproven_rate)
    temperature = fit_temperature(np.log(readings.probs + TINY), classes)
    probs = softened(readings.probs, temperature)
    confidence, is_right, agree = probs.max(axis=1), probs.argmax(axis=1) == classes, readings.agree
    edges = np.quantile(confidence, [(each + 1) / N_BINS for each in range(N_BINS - 1)])
    bins = np.searchsorted(edges, confidence)
    overall = leaning(is_right, unproven_rate)
    rates = []
    for group in (False, True):
        rate = leaning(is_right[agree == group], overall)
        rates.append(tuple(leaning(is_right[(agree == group) & (bins == each)], rate) for each in range(N_BINS)))
    return Trust(temperature=temperature, edges=tuple(edges.tolist()), rates=(rates[0], rates[1]),
                 accuracy=float(is_right.mean()), n_labels=len(classes))


def cross_fitted(readings: Readings, classes: np.ndarray, unproven_rate: float, seed: int) -> np.ndarray:
    """Return what each human label's answer would be trusted, fitted on the other folds, (n,)."""
    folds = deal(classes, N_FOLDS, seed)
    trust = np.zeros(len(classes), np.float32)
    for fold in np.unique(folds):
        rows, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        fitted = fit_trust(readings.take(others), classes[others], unproven_rate)
        trust[rows] = fitted.of(readings.take(rows))
    return trust


def softened(probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature, (n, C)."""
    logs = np.log(probs + TINY) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)


def leaning(is_right: np.ndarray, parent: float) -> float:
    return float((is_right.sum() + PRIOR_LABELS * parent) / (len(is_right) + PRIOR_LABELS))
