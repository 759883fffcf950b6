"""Groups: known classes held in place by their labels, new ones seeded far from them, all competing for every text."""

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from trainer.discovery.metric import unit
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space
from trainer.learning.alignment import normalized


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
    compete as soft k-means, and texts that are labeled stay where they are. Nothing is
    assumed of the sizes: equal ones gain nothing where classes are equally large and lose
    .05 to .08 ACC where they are not (BANKING77's train split).
    """
    anchors = space.anchors()
    centers = np.concatenate([anchors, _seeds(space, anchors, n_new, recipe, seed)]) if n_new else anchors
    membership = np.zeros((len(space.points), len(centers)))
    for _ in range(recipe.n_rounds):
        membership = _membership(space, centers, recipe.temperature)
        centers = unit(membership.T @ space.points)
    return Groups(membership, centers, space.n_known)


def _membership(space: Space, centers: np.ndarray, temperature: float) -> np.ndarray:
    n_groups = len(centers)
    guesses = normalized(np.exp((space.points @ centers.T - 1) / temperature))
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
