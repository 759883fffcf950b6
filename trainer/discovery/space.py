"""The space that groups are looked for in: vectors smoothed over their neighborhood, then the learned metric."""

from dataclasses import dataclass, replace

import numpy as np

from trainer.discovery.metric import learn_metric, unit
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.learning.embedded import Labeled
from trainer.learning.neighborhood import Report, neighborhood


@dataclass(frozen=True)
class Space:
    """Points (N, d) of length 1, the labeled ones first; `known` are their classes, all of which have labels."""

    points: np.ndarray
    known: np.ndarray                                 # (n_labeled,)
    n_known: int
    smoothed: np.ndarray                              # (N, d), before the metric
    is_novel: np.ndarray | None = None                # (N - n_labeled,), where a model says so
    n_by_share: float | None = None                   # of classes, were the novel ones as large as the known

    @property
    def n_labeled(self) -> int:
        return len(self.known)

    def anchors(self) -> np.ndarray:
        """Return the direction of each known class, (n_known, d)."""
        sums = np.zeros((self.n_known, self.points.shape[1]))
        np.add.at(sums, self.known, self.points[: self.n_labeled])
        return unit(sums)

    def take_candidates(self, rows: np.ndarray) -> "Space":
        """Keep the labeled points and some of the others; `rows` count from the first candidate."""
        kept = np.concatenate([np.arange(self.n_labeled), self.n_labeled + rows])
        is_novel = None if self.is_novel is None else self.is_novel[rows]
        return replace(self, points=self.points[kept], smoothed=self.smoothed[kept], is_novel=is_novel)


def space_of(labeled: Labeled, candidates: np.ndarray, recipe: DiscoveryRecipe, is_novel: np.ndarray | None = None,
             n_by_share: float | None = None, report: Report = lambda _done: None) -> Space:
    """Make the space of labeled vectors and `candidates` (n, d); each class number below `n_classes` has a label."""
    smoothed = smooth(np.concatenate([labeled.vectors, candidates]), recipe, report)
    space = mapped(smoothed, labeled.classes, labeled.n_classes, recipe.shrinkage)
    return replace(space, is_novel=is_novel, n_by_share=n_by_share)


def smooth(vectors: np.ndarray, recipe: DiscoveryRecipe, report: Report = lambda _done: None) -> np.ndarray:
    """Return vectors of length 1 (N, d) that have taken a share from their neighbors; no label plays a part."""
    own = vectors.astype(np.float32)
    if recipe.alpha > 0 and len(own) > 2:
        own = neighborhood(own, recipe.n_neighbors, report).spread(own, recipe.alpha, recipe.n_steps)
    return unit(own.astype(np.float64))


def mapped(smoothed: np.ndarray, known: np.ndarray, n_known: int, shrinkage: float) -> Space:
    """Learn the metric from the labeled rows, which come first, and apply it."""
    metric = learn_metric(Labeled(smoothed[: len(known)], known, n_known), smoothed, shrinkage)
    return Space(metric(smoothed), known, n_known, smoothed)


def half_taught(space: Space, shrinkage: float, seed: int,
                rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Learn the metric from a random half of the known classes; return the points and classes of the others' labels.

    Behind those points come the candidates at `rows`, if given.
    """
    points, classes, n_taught = halves(space, shrinkage, seed, rows)
    return points[n_taught:], classes[n_taught:]


def halves(space: Space, shrinkage: float, seed: int,
           rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the same with the labels that taught the metric before the others, and how many these are."""
    teaches = np.random.default_rng(seed).permutation(space.n_known) < space.n_known / 2
    taught = teaches[space.known]
    order = np.concatenate([np.flatnonzero(taught), np.flatnonzero(~taught)])
    n_taught = int(taught.sum())
    behind = np.empty(0, np.int64) if rows is None else space.n_labeled + rows
    numbers = (np.cumsum(teaches) - 1)[space.known[order[:n_taught]]]
    half = mapped(space.smoothed[np.concatenate([order, behind])], numbers, int(teaches.sum()), shrinkage)
    return half.points, space.known[order], n_taught
