"""Measured scores at growing numbers of labels, and how far each may be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Chosen on parts of the train texts of eight sets, as docs/curve.md says; variances are shares of score * (1 - score),
# because where nearly all is right little differs by chance.
EXPECTED_SPREAD = 0.4                                 # of accuracy over hands: its square, times the labels, is a share
UNSURE_DRAWS = 8                                      # draws that the expected spread counts for
OWN_SHARE = 0.5                                       # of that variance: each model's own luck, the rest is its hand's
JUDGE_NOISE = 0.1                                     # share, per judged text, of what two sizes differ in by chance
LEAST_DRAW_SPREAD = 0.004                             # of the accuracy of two draws; a few draws may agree by chance
LEAST_VARIANCE = 0.01                                 # of score * (1 - score): all right so far is not right for ever


@dataclass(frozen=True)
class Point:
    """The accuracy of one model learned from one draw of labels."""

    n_labels: int
    accuracy: float
    draw: int


@dataclass(frozen=True)
class Evidence:
    """Mean scores (S,) at sizes (S,), fewest labels first, with the standard error of each as the hand's own.

    All draws are of one hand of labels, the largest size. A hand may be lucky, and then all
    its parts are: that moves every score alike and bends no curve, so the errors leave it
    out. It wears off as labels are added, half of it with twice the labels.
    """

    sizes: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    spread: float                                     # of accuracy over hands, times the root of their labels
    judge_noise: float                                # what two sizes differ in because few texts judge
    judge_error: float                                # of all scores alike, if other texts than these will judge

    @property
    def luck(self) -> float:
        """Return the standard deviation of what the labels at hand score by luck."""
        return float(self.spread * ((1 - OWN_SHARE) / self.sizes[-1]) ** 0.5)

    def noise_at(self, n_labels: np.ndarray) -> np.ndarray:
        """Return the standard deviation of one model's score: learned from part of the hand, or from it and others."""
        hand = self.sizes[-1]
        shared = np.minimum(n_labels, hand) / np.maximum(n_labels, hand)
        drawn = self.spread**2 / n_labels * (1 - (1 - OWN_SHARE) * shared)
        return np.sqrt(np.maximum(drawn, LEAST_DRAW_SPREAD**2) + self.judge_noise**2)


def evidence_of(points: Sequence[Point], n_judged: int, is_same_judge: bool) -> Evidence:
    """Average the draws of each size; their spread is pooled over sizes.

    Parts of a hand differ less than hands of their size would, by what the hand itself
    differs from others: variances go with 1 / n - 1 / hand. `is_same_judge` says that the
    texts that judged will judge again, as a gate does; else the scores are a sample's, and
    all of them may be off together.
    """
    sizes = np.array(sorted({point.n_labels for point in points}), float)
    groups = [np.array([point.accuracy for point in points if point.n_labels == size]) for size in sizes]
    scores, counts = np.array([group.mean() for group in groups]), np.array([len(group) for group in groups])
    variance = float(scores[-1] * (1 - scores[-1]))
    parts = 1 / sizes - (1 - OWN_SHARE) / sizes[-1]
    spread = _spread(groups[:-1], parts[:-1], EXPECTED_SPREAD**2 * max(variance, LEAST_VARIANCE))
    drawn = np.maximum(spread * np.sqrt(parts), LEAST_DRAW_SPREAD) / np.sqrt(counts)
    judge_noise = (JUDGE_NOISE * max(variance, LEAST_VARIANCE) / n_judged) ** 0.5
    judge_error = 0.0 if is_same_judge else (variance / n_judged) ** 0.5
    return Evidence(sizes, scores, np.sqrt(drawn**2 + judge_noise**2), spread, judge_noise, judge_error)


def _spread(groups: Sequence[np.ndarray], parts: np.ndarray, expected: float) -> float:
    """Return the spread over hands times the root of their labels, from draws of parts of one and what is expected."""
    squares = sum(float(((group - group.mean()) ** 2).sum()) / part for group, part in zip(groups, parts, strict=True))
    degrees = sum(len(group) - 1 for group in groups)
    return float(((squares + UNSURE_DRAWS * expected) / (degrees + UNSURE_DRAWS)) ** 0.5)
