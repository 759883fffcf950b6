"""How many more labels a target needs, with a band, or why nobody can tell yet."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.curve.posterior import MOST_TIMES, Posterior
from trainer.curve.recipe import CurveRecipe

N_GRID = 400                                          # sizes tried, in equal ratios: each 1.7 % above the one before


@dataclass(frozen=True)
class Demand:
    """More labels until the target, `low` to `high` with the recipe's confidence; None where nobody can tell."""

    target: float
    more: int | None
    low: int | None
    high: int | None
    says: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Saving:
    """How many times the labels the one curve needs of what the other does, at the target.

    With `is_least` the other gets there with the fewest labels measured: it may need fewer still.
    """

    value: float
    low: float
    high: float
    is_least: bool


def demand(posterior: Posterior, target: float, n_labels: int, recipe: CurveRecipe) -> Demand:
    """Say how many labels beyond `n_labels` reach `target`; a band that is too wide, or open, is told as such."""
    needed = labels_needed(posterior, target)
    low, middle, high = np.quantile(needed, _ends(recipe), method="inverted_cdf")
    percent = f"{recipe.confidence:.0%}"
    if not np.isfinite(middle):
        return _unknown(target, f"cannot tell yet: {target:.3f} lies above what more labels alone are likely to reach "
                                f"({percent} band of the asymptote {_top(posterior, recipe)})")
    if not np.isfinite(high):
        return _unknown(target, f"cannot tell yet: {target:.3f} may lie above what more labels alone reach "
                                f"({percent} band of the asymptote {_top(posterior, recipe)})")
    if high > n_labels and high / max(low, n_labels) > recipe.widest:
        return _unknown(target, f"cannot tell yet: anything from {_more(low, n_labels):,} to "
                                f"{_more(high, n_labels):,} more labels fits the scores")
    more, least, most = (_more(each, n_labels) for each in (middle, low, high))
    if more == 0:
        unsure = f" ({percent} band: 0 to {most:,} more)" if most else ""
        return Demand(target, more, least, most,
                      f"{target:.3f} is reached with the {n_labels:,} labels at hand{unsure}")
    return Demand(target, more, least, most, f"you need about {more:,} more labels ({percent} band {least:,} to "
                                             f"{most:,}) to reach {target:.3f}")


def saving(one: Posterior, other: Posterior, target: float, recipe: CurveRecipe) -> Saving | None:
    """Return how many times the labels `one` needs of what `other` does; None where a band is open.

    None too where both get there with the fewest labels measured: what lies below is anybody's guess.
    """
    needed = [labels_needed(each, target) for each in (one, other)]
    is_early = [bool(np.median(each) <= posterior.evidence.sizes[0])
                for each, posterior in zip(needed, (one, other), strict=True)]
    with np.errstate(invalid="ignore"):
        ratios = needed[0] / needed[1]
    ratios = np.where(np.isnan(ratios), np.inf, ratios)                   # neither gets there: nothing is known
    low, middle, high = np.quantile(ratios, _ends(recipe), method="inverted_cdf")
    if not np.isfinite(high) or low == 0 or all(is_early):
        return None
    return Saving(round(float(middle), 2), round(float(low), 2), round(float(high), 2), is_early[1])


def labels_needed(posterior: Posterior, target: float) -> np.ndarray:
    """Return labels until each curve reaches `target`, (n,); infinite if not within MOST_TIMES those measured.

    Never fewer than the smallest size measured: laws are not to be believed below it.
    """
    grid = np.geomspace(posterior.evidence.sizes[0], posterior.scale * MOST_TIMES, N_GRID)
    reached = posterior.at(grid) >= target
    return np.where(reached.any(axis=1), grid[reached.argmax(axis=1)], np.inf)


def band(posterior: Posterior, n_labels: np.ndarray, confidence: float, seed: int) -> np.ndarray:
    """Return low, middle and high of the score of one model learned from each number of labels, (3, n)."""
    curves = posterior.at(n_labels)
    noise = np.random.default_rng(seed).normal(size=(len(curves), 1)) * posterior.evidence.noise_at(n_labels)
    low, middle, high = np.quantile(curves + noise, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2], axis=0)
    return np.stack([low, middle, high]).clip(0, 1)


def _ends(recipe: CurveRecipe) -> list[float]:
    return [(1 - recipe.confidence) / 2, 0.5, (1 + recipe.confidence) / 2]


def _top(posterior: Posterior, recipe: CurveRecipe) -> str:
    low, _, high = np.quantile((posterior.tops - posterior.luck).clip(0, 1), _ends(recipe))
    return f"{low:.3f} to {high:.3f}"


def _more(needed: float, n_labels: int) -> int:
    return max(int(np.ceil(needed)) - n_labels, 0)


def _unknown(target: float, says: str) -> Demand:
    return Demand(target, None, None, None, says)
