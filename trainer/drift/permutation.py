"""The test: is the window farther from the reference than blocks dealt at random would be?

All families are tested on the same permutations of blocks, and the rarest of their scores is compared with the rarest
that each permutation gave (Westfall and Young): the rate of false alarms holds for all families together, however they
depend on one another. It rests on one assumption, that blocks of a stable stream could have come in any order.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import gamma

from trainer.drift.lens import FAMILIES, SPARSE
from trainer.drift.sketches import Sketch, merged

MIN_SKEWNESS = 0.05                                   # below it the gamma is a normal distribution
FLOOR = 1e-6                                          # of a variance: what never varies tells nothing


@dataclass(frozen=True)
class Tested:
    """p-values: of each component, of each family, and of all families together."""

    components: dict[str, float]
    families: dict[str, float]
    adjusted: dict[str, float]                        # of each family, for having looked at all of them
    joint: float


def compare(reference: Sketch, window: Sketch, n_permutations: int, seed: int) -> Tested:
    """Test the window against the reference; the p-values are at least 1 / (n_permutations + 1)."""
    dealt = deals(len(reference), len(window), n_permutations, seed)
    both = merged([reference, window])
    moves = {name: moved for part, values in both.means.items() if values.shape[1]
             for name, moved in statistics(part, values, dealt).items()}
    families = {family: rarity_of_all(own) for family, own in by_family(
        {name: rarity(moved) for name, moved in moves.items()}).items()}
    most = np.maximum.reduce(list(families.values()))
    return Tested({name: float(p_values(moved)[0]) for name, moved in moves.items()},
                  {name: float(p_values(rare)[0]) for name, rare in families.items()},
                  {name: float(np.mean(np.round(most, 5) >= round(float(rare[0]), 5)))
                   for name, rare in families.items()}, float(p_values(most)[0]))


def deals(n_reference: int, n_window: int, n_permutations: int, seed: int) -> np.ndarray:
    """Return who is of the window, (1 + n_permutations, n_blocks) of 0 and 1; row 0 is how it was."""
    n_blocks = n_reference + n_window
    order = np.random.default_rng(seed).random((n_permutations + 1, n_blocks)).argsort(axis=1)
    dealt = (order < n_window).astype(np.float32)
    dealt[0] = np.arange(n_blocks) >= n_reference
    return dealt


def statistics(name: str, values: np.ndarray, dealt: np.ndarray) -> dict[str, np.ndarray]:
    """Return how far the window's mean is from that of all blocks, per deal: squared and summed, and the largest."""
    centered = values - values.mean(axis=0)
    scale = centered.std(axis=0)
    varies = scale**2 > FLOOR * max(float((scale**2).max(initial=0.0)), FLOOR)
    if not varies.any():
        return {}
    moved = dealt @ (centered[:, varies] / scale[varies]).astype(np.float32)              # (1 + R, p)
    found = {name: (moved**2).sum(axis=1)}
    if name in SPARSE and varies.sum() > 1:
        found[f"{name}, largest"] = np.abs(moved).max(axis=1)
    return found


def p_values(scores: np.ndarray) -> np.ndarray:
    """Return per deal the share of deals that score at least as high, itself included; ties count against an alarm."""
    rounded = np.round(scores.astype(np.float64), 5)
    return (len(rounded) - np.searchsorted(np.sort(rounded), rounded, side="left")) / len(rounded)


def rarity(scores: np.ndarray) -> np.ndarray:
    """Return -log of about the share of deals that score as high, by a gamma distribution with the deals' moments.

    Ranks alone cannot tell a score far beyond all deals from one just beyond them: the least
    of many p-values then never gets below their number over that of the deals. Every deal is
    treated alike, so how well the gamma fits changes what is found, never how often by chance.
    """
    spread = scores.std()
    if spread == 0:
        return np.zeros(len(scores))
    standard = (scores - scores.mean()) / spread
    skewness = float(np.clip((standard**3).mean(), MIN_SKEWNESS, None))
    shape = 4 / skewness**2
    return -gamma.logsf((standard * 2 / skewness + shape).clip(min=0), shape)


def rarity_of_all(parts: list[np.ndarray]) -> np.ndarray:
    """Return the rarity of the rarest part, for having looked at all of them (Bonferroni)."""
    return np.asarray(np.maximum.reduce(parts) - np.log(len(parts)))


def by_family(components: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Gather the components of each family that has any."""
    found = {family: [rare for name, rare in components.items() if name.split(",")[0] in parts]
             for family, parts in FAMILIES.items()}
    return {family: own for family, own in found.items() if own}
