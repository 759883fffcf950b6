"""Groups: known classes held in place by their labels, new ones seeded far from them, all competing for every text."""

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from trainer.discovery.metric import unit
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space
from trainer.learning.alignment import aligned, normalized

UNEVEN = 0.6                                          # coefficient of variation from which sizes say: not equal
MIN_COUNTED = 5                                       # known classes to tell by


@dataclass(frozen=True)
class Groups:
    """Membership (N, K) in known classes and, behind them, new groups; centers (K, d)."""

    membership: np.ndarray
    centers: np.ndarray
    n_known: int

    @property
    def assigned(self) -> np.ndarray:
        """Return the group of each text, (N,)."""
        return np.asarray(self.membership.argmax(axis=1))


def group(space: Space, n_new: int, recipe: DiscoveryRecipe, seed: int) -> Groups:
    """Find `n_new` groups beside the known classes.

    Seeds are Ward clusters of the texts farthest from every known class. Then all centers
    compete as soft k-means, and texts that are labeled stay where they are. Groups are
    pulled to equal size as far as the known classes are equally large.
    """
    anchors = space.anchors()
    pull = evenness(space, anchors)
    centers = np.concatenate([anchors, _seeds(space, anchors, n_new, recipe, seed)]) if n_new else anchors
    membership = np.zeros((len(space.points), len(centers)))
    for _ in range(recipe.n_rounds):
        membership = _membership(space, centers, recipe.temperature, pull)
        centers = unit(membership.T @ space.points)
    return Groups(membership, centers, space.n_known)


def evenness(space: Space, anchors: np.ndarray) -> float:
    """Say how even the known classes are among the candidates: 0 not at all or unknown, 1 all alike.

    The coefficient of variation of their counts is about 0.4 where classes are equally
    large and 0.6 to 0.9 where they are not (train splits, and those thinned out unevenly).
    Equal sizes, assumed of uneven classes, cost .06 to .1 ACC. Where only some texts of
    the known classes are candidates, their counts say nothing.
    """
    if space.is_novel is not None or space.n_known < MIN_COUNTED:
        return 0.0
    counts = np.bincount((space.points[space.n_labeled :] @ anchors.T).argmax(axis=1), minlength=space.n_known)
    return float(np.clip((UNEVEN - counts.std() / max(counts.mean(), 1e-9)) / UNEVEN, 0, 1))


def _membership(space: Space, centers: np.ndarray, temperature: float, pull: float) -> np.ndarray:
    n_groups = len(centers)
    guesses = normalized(np.exp((space.points @ centers.T - 1) / temperature))
    if pull > 0:
        sizes = guesses.mean(axis=0) ** (1 - pull)
        guesses = aligned(guesses, sizes / sizes.sum())
    guesses[: space.n_labeled] = np.eye(n_groups)[space.known]
    return guesses


def _seeds(space: Space, anchors: np.ndarray, n_new: int, recipe: DiscoveryRecipe, seed: int) -> np.ndarray:
    """Return the directions of `n_new` Ward clusters among candidates that are novel, or farthest from the anchors."""
    candidates = space.points[space.n_labeled :]
    nearest = (candidates @ anchors.T).max(axis=1)
    share = min(recipe.far_share * n_new / (n_new + space.n_known), 1.0)
    n_far = max(round(share * len(candidates)), min(n_new, len(candidates)))
    far = np.argsort(nearest, kind="stable")[:n_far]
    if space.is_novel is not None and space.is_novel.sum() >= n_new:
        far = np.flatnonzero(space.is_novel)
    if len(far) > recipe.max_seeding:
        far = np.sort(np.random.default_rng(seed).permutation(far)[: recipe.max_seeding])
    clusters = ward(candidates[far], n_new)
    sums = np.zeros((n_new, candidates.shape[1]))
    np.add.at(sums, clusters, candidates[far])
    return unit(sums)


def ward(points: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the cluster (n,) of each point."""
    if n_clusters < 2:
        return np.zeros(len(points), np.int64)
    return np.asarray(AgglomerativeClustering(n_clusters).fit_predict(points))
