"""Measured scores at growing numbers of labels, and how far each may be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_DRAW_SPREAD = 0.004                             # of the accuracy of two draws; a few draws may agree by chance
UNSURE_DRAWS = 4                                      # draws that the expected spread below counts for
EXPECTED_SPREAD = 0.15                                # of accuracy over draws, times the root of the labels
JUDGE_NOISE = 0.03                                    # variance per judged text of what two sizes differ in by chance


@dataclass(frozen=True)
class Point:
    """The accuracy of one model learned from one draw of labels."""

    n_labels: int
    accuracy: float
    draw: int


@dataclass(frozen=True)
class Evidence:
    """Mean scores (S,) at sizes (S,), fewest labels first, with the standard error of each."""

    sizes: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    spread: float                                     # of accuracy over draws, times the root of the labels
    n_judged: int
    judge_error: float                                # of all scores alike, if other texts than these will judge

    def noise_at(self, n_labels: np.ndarray) -> np.ndarray:
        """Return the standard deviation of one model's score around its curve."""
        drawn = np.maximum(self.spread / np.sqrt(n_labels), LEAST_DRAW_SPREAD)
        return np.sqrt(drawn**2 + JUDGE_NOISE / self.n_judged)


def evidence_of(points: Sequence[Point], n_judged: int, is_same_judge: bool) -> Evidence:
    """Average the draws of each size; their spread, which falls as the root of the labels, is pooled over sizes.

    `is_same_judge` says that the texts that judged will judge again, as a gate does; else
    the scores are a sample's, and all of them may be off together.
    """
    sizes = np.array(sorted({point.n_labels for point in points}), float)
    groups = [np.array([point.accuracy for point in points if point.n_labels == size]) for size in sizes]
    squares = sum(float(((group - group.mean()) ** 2).sum()) * size for group, size in zip(groups, sizes, strict=True))
    degrees = sum(len(group) - 1 for group in groups)
    spread = ((squares + UNSURE_DRAWS * EXPECTED_SPREAD**2) / (degrees + UNSURE_DRAWS)) ** 0.5
    counts = np.array([len(group) for group in groups])
    drawn = np.maximum(spread / np.sqrt(sizes), LEAST_DRAW_SPREAD) / np.sqrt(counts)
    scores = np.array([group.mean() for group in groups])
    judge_error = 0.0 if is_same_judge else float((scores[-1] * (1 - scores[-1]) / n_judged) ** 0.5)
    return Evidence(sizes, scores, np.sqrt(drawn**2 + JUDGE_NOISE / n_judged), spread, n_judged, judge_error)
