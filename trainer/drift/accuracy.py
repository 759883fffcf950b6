"""Estimates the accuracy on a window without its labels (average thresholded confidence, arXiv 2201.04234)."""

from dataclasses import dataclass

import numpy as np

ASSUMPTION = ("right answers stay as much surer than wrong ones as they were on the labeled texts; where the meaning "
              "of a label changes, or unknown kinds of text are answered surely, the estimate is too high")
N_RESAMPLES = 200


@dataclass(frozen=True)
class EstimatedAccuracy:
    """What accuracy to expect, the band around it, and what it was on labeled texts."""

    value: float
    low: float
    high: float
    labeled: float
    assumption: str = ASSUMPTION


def estimate_accuracy(labeled_confidence: np.ndarray, is_right: np.ndarray, confidence: np.ndarray, level: float,
                      seed: int) -> EstimatedAccuracy:
    """Return the share of texts above the confidence that as many labeled texts exceed as are answered rightly.

    The band is a bootstrap over labeled texts and window; it does not cover a broken assumption.
    """
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(N_RESAMPLES):
        rows = generator.integers(0, len(is_right), len(is_right))
        again = confidence[generator.integers(0, len(confidence), len(confidence))]
        found.append(_share_above(labeled_confidence[rows], is_right[rows], again))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return EstimatedAccuracy(_share_above(labeled_confidence, is_right, confidence), float(low), float(high),
                             float(is_right.mean()))


def _share_above(labeled_confidence: np.ndarray, is_right: np.ndarray, confidence: np.ndarray) -> float:
    """Correct by what the threshold says of the labeled texts themselves, where ties blur it."""
    threshold = np.quantile(labeled_confidence, 1 - is_right.mean())
    blur = is_right.mean() - (labeled_confidence > threshold).mean()
    return float(np.clip((confidence > threshold).mean() + blur, 0, 1))
