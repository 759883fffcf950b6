"""Confidence intervals: Wilson for a share, bootstrap for anything else."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True)
class Interval:
    """An estimate and the bounds that hold it with the stated confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(n_hits: int, n: int, confidence: float) -> Interval:
    """Return the Wilson score interval of a share; sound for few rows and shares near 0 or 1."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = n_hits / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, float(center - half)), min(1.0, float(center + half)))


def bootstrap(statistic: Callable[[np.ndarray], float], n: int, *, confidence: float, n_resamples: int,
              seed: int) -> Interval:
    """Return the percentile bootstrap interval of `statistic(rows)` over `n` rows, seeded."""
    generator = np.random.default_rng(seed)
    found = [statistic(generator.integers(0, n, n)) for _ in range(n_resamples)]
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(statistic(np.arange(n)), float(low), float(high))


def lower_bound_of_mean(values: np.ndarray, *, confidence: float, n_resamples: int, seed: int) -> float:
    """Return the one-sided bootstrap bound that the mean of `values` (n,) lies above."""
    generator = np.random.default_rng(seed)
    n = len(values)
    means = [values[generator.integers(0, n, n)].mean() for _ in range(n_resamples)]
    return float(np.quantile(means, 1 - confidence))
