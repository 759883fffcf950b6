"""What an arm is worth in labels, and where what was shipped did harm."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np

NOISE_SIGMAS = 2.0                                    # a cell is harmful beyond this many standard errors


def zero_data(cells: Sequence[dict[str, Any]], curve: dict[int, float]) -> dict[str, dict[str, float]]:
    """Return, per arm that began without labels, its accuracy and how many labels per class reach the same.

    The latter is 0 where it is below the smallest size that was measured.
    """
    found = {}
    for arm in sorted({cell["arm"] for cell in cells if not cell["per_class"]}):
        accuracy = mean(scores_of(cells, arm, 0))
        worth = labels_for(accuracy, curve) if accuracy >= min(curve.values()) else 0.0
        found[arm] = {"accuracy": round(accuracy, 4), "labels_per_class": round(worth, 2)}
    return found


def multipliers(cells: Sequence[dict[str, Any]], curve: dict[int, float]) -> dict[str, dict[str, float]]:
    """Return, per arm and size, how many times the labels the labels-only arm needs for the same accuracy."""
    arms = sorted({cell["arm"] for cell in cells} - {"labels"})
    sizes = sorted({cell["per_class"] for cell in cells} - {0})
    return {arm: {str(size): round(labels_for(mean(scores_of(cells, arm, size)), curve) / size, 2) for size in sizes}
            for arm in arms}


def labels_for(accuracy: float, curve: dict[int, float]) -> float:
    """Interpolate the curve, log-linear in labels; beyond its ends the end is returned, so no figure is invented."""
    sizes = np.array(sorted(curve), float)
    reached = np.maximum.accumulate([curve[int(size)] for size in sizes])
    rising = np.concatenate([[True], np.diff(reached) > 0])
    return float(np.exp(np.interp(accuracy, reached[rising], np.log(sizes[rising]))))


def harmful(shipped: Sequence[dict[str, Any]]) -> list[int]:
    """Return the sizes at which what was shipped is, over all draws, worse than labels only by more than noise."""
    found = []
    for size in sorted({each["per_class"] for each in shipped}):
        rows = [each for each in shipped if each["per_class"] == size]
        gains = [each["accuracy"] - each["labels_only"] for each in rows]
        spread = stdev(gains) ** 2 / len(gains) if len(gains) > 1 else 0.0
        sampling = mean(each["disagree"] for each in rows) / rows[0]["n_test"]
        if mean(gains) < -NOISE_SIGMAS * (spread + sampling) ** 0.5:
            found.append(size)
    return found


def scores_of(cells: Sequence[dict[str, Any]], arm: str, size: int) -> list[float]:
    return [cell["accuracy"] for cell in cells if cell["arm"] == arm and cell["per_class"] == size]
