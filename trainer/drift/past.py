"""How much the stream usually moves: excesses of its own past windows over what chance alone would give."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from trainer.drift.lens import SPARSE
from trainer.drift.permutation import FLOOR
from trainer.drift.sketches import Sketch

MIN_PAST_WINDOWS = 12                                 # fewer say nothing of a spread


@dataclass(frozen=True)
class Past:
    """Logarithms of the excess per component, mean and spread over n past windows."""

    n_windows: int
    mean: dict[str, float]
    spread: dict[str, float]

    def bound(self, name: str, alpha: float) -> float:
        """Return the excess that the next window stays below with 1 - alpha, all components together.

        A prediction bound of Student's t; it assumes that logarithms of excesses are about normal.
        """
        quantile = student.ppf(1 - alpha / max(len(self.mean), 1), self.n_windows - 1)
        return float(np.exp(self.mean[name] + quantile * self.spread[name] * np.sqrt(1 + 1 / self.n_windows)))


def excesses(reference: Sketch, window: Sketch) -> dict[str, float]:
    """Return, per component, the statistic over its mean if blocks were dealt at random, a closed form."""
    n, m = len(reference) + len(window), len(window)
    found = {}
    for name, own in reference.means.items():
        both = np.concatenate([own, window.means[name]])
        scale = both.std(axis=0)
        varies = scale**2 > FLOOR * max(float((scale**2).max(initial=0.0)), FLOOR)
        if not varies.any():
            continue
        moved = ((window.means[name] - both.mean(axis=0)).sum(axis=0)[varies] / scale[varies])**2
        expected = m * (n - m) / (n - 1)
        found[name] = float(moved.mean() / expected)
        if name in SPARSE and varies.sum() > 1:
            found[f"{name}, largest"] = float(moved.max() / expected)
    return found


def learn_past(history: Sketch, n_reference: int, n_window: int) -> Past | None:
    """Compare every past window with every earlier stretch that is a reference's length; None if there are too few.

    Later windows are compared with references long gone too, so that slow movement counts as usual.
    """
    logs: dict[str, list[float]] = {}
    n_windows = 0
    for start in range(n_reference, len(history) - n_window + 1, n_window):
        window = history.take(slice(start, start + n_window))
        for begin in sorted({0, (start - n_reference) // 2, start - n_reference}):
            for name, excess in excesses(history.take(slice(begin, begin + n_reference)), window).items():
                logs.setdefault(name, []).append(float(np.log(max(excess, FLOOR))))
        n_windows += 1
    if n_windows < MIN_PAST_WINDOWS:
        return None
    return Past(n_windows, {name: float(np.mean(values)) for name, values in logs.items()},
                {name: float(np.std(values, ddof=1)) for name, values in logs.items()})
