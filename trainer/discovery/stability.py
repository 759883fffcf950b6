"""How stable a group is: found again when a part of the texts is left out, or a product of chance."""

from dataclasses import dataclass

import numpy as np

from trainer.discovery.grouping import Groups, group
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space

SHARE = 0.8                                           # of the candidates in a resampled run
TOGETHER = 0.35                                       # share of a group found inside another's like: they may be one


@dataclass(frozen=True)
class Stability:
    """Per new group: its Jaccard index with its like, mean of the runs; and how often two groups were one, (n, n)."""

    jaccard: np.ndarray
    together: np.ndarray

    def merges(self, number: int) -> list[int]:
        """Return the groups that may be one with group `number`."""
        return [int(other) for other in np.flatnonzero(self.together[number] >= TOGETHER) if other != number]


def resample(space: Space, groups: Groups, recipe: DiscoveryRecipe, seed: int) -> Stability:
    """Group parts of the candidates anew and see what becomes of each new group."""
    n_new, n_candidates = groups.membership.shape[1] - groups.n_known, len(space.points) - space.n_labeled
    own = groups.assigned[space.n_labeled :] - groups.n_known               # negative: a known class
    jaccard, together = np.zeros(n_new), np.zeros((n_new, n_new))
    for number in range(recipe.n_resamples):
        rows = np.sort(np.random.default_rng(seed + number).permutation(n_candidates)[: round(SHARE * n_candidates)])
        again = group(space.take_candidates(rows), n_new, recipe, seed + number)
        other = again.assigned[space.n_labeled :]
        counts = _crossed(own[rows], other, n_new, again.membership.shape[1])
        sizes = counts.sum(axis=1).clip(min=1)
        union = sizes[:, None] + np.bincount(other, minlength=counts.shape[1])[None] - counts
        jaccard += (counts / union).max(axis=1) / recipe.n_resamples
        shares = counts / sizes[:, None]
        together += _shared(shares) / recipe.n_resamples
    return Stability(jaccard, together)


def _crossed(own: np.ndarray, other: np.ndarray, n_own: int, n_other: int) -> np.ndarray:
    counts = np.zeros((n_own, n_other))
    is_new = own >= 0
    np.add.at(counts, (own[is_new], other[is_new]), 1)
    return counts


def _shared(shares: np.ndarray) -> np.ndarray:
    """Return, for each two groups, the largest share of both that one resampled group holds."""
    return np.asarray(np.minimum(shares[:, None, :], shares[None, :, :]).max(axis=2))
