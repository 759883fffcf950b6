"""The test: is the window farther from the reference than blocks dealt at random would be?

All families are tested on the same permutations of blocks, and the least of their p-values is compared with the least
that each permutation gave (Westfall and Young): the rate of false alarms holds for all families together, however they
depend on one another. It rests on one assumption, that blocks of a stable stream could have come in any order.
"""

from dataclasses import dataclass

import numpy as np

from trainer.drift.lens import FAMILIES, SPARSE
from trainer.drift.sketches import Sketch, merged

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
    components = {name: p_values(moved) for name, moved in moves.items()}
    families = {family: p_values(-np.minimum.reduce(own)) for family, own in by_family(components).items()}
    least = -np.minimum.reduce(list(families.values()))
    return Tested({name: float(p[0]) for name, p in components.items()},
                  {name: float(p[0]) for name, p in families.items()},
                  {name: float(np.mean(least >= -p[0])) for name, p in families.items()}, float(p_values(least)[0]))


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


def by_family(components: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Gather the components of each family that has any."""
    found = {family: [p for name, p in components.items() if name.split(",")[0] in parts]
             for family, parts in FAMILIES.items()}
    return {family: own for family, own in found.items() if own}
