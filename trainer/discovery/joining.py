"""Which new groups are one class: as alike as the halves of a known class are, by a metric that never saw it."""

from dataclasses import dataclass, replace

import numpy as np

from trainer.discovery.grouping import Groups
from trainer.discovery.metric import unit
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space, halves

N_SPLITS = 4


@dataclass(frozen=True)
class Bars:
    """Mean cosines between two groups: from `one` on they are joined, from `perhaps` on a person is told."""

    one: float
    perhaps: float


def bars_of(space: Space, recipe: DiscoveryRecipe, seed: int) -> Bars | None:
    """Return the bars that known classes set; None if no class that is held out has two labels.

    Texts of one class are usually as alike as the median over classes, and as alike to the
    nearest other class as its median; `one` lies half way.
    """
    same, other = [], []
    for number in range(N_SPLITS):
        within, nearest = _likenesses(*halves(space, recipe.shrinkage, seed + number))
        same += within
        other += nearest
    if not same or not other:
        return None
    return Bars(float(np.median(same) + np.median(other)) / 2, float(np.median(other)))


def join(groups: Groups, space: Space, bar: float) -> Groups:
    """Join the two new groups that are most alike, again and again, while they are as alike as `bar`."""
    n_new = groups.membership.shape[1] - groups.n_known
    owners = np.arange(n_new)
    while len(np.unique(owners)) > 1:
        alike = likeness(groups, space, owners)
        one, other = np.unravel_index(np.argmax(alike), alike.shape)
        if alike[one, other] < bar:
            break
        owners[owners == max(one, other)] = min(one, other)
    kept, numbers = np.unique(owners, return_inverse=True)
    joined = np.zeros((len(groups.membership), groups.n_known + len(kept)))
    joined[:, : groups.n_known] = groups.membership[:, : groups.n_known]
    for column, number in enumerate(numbers):
        joined[:, groups.n_known + number] += groups.membership[:, groups.n_known + column]
    return replace(groups, membership=joined, centers=unit(joined.T @ space.points))


def likeness(groups: Groups, space: Space, owners: np.ndarray | None = None) -> np.ndarray:
    """Return the mean cosine between texts of each two new groups, (n, n); -inf with itself and for empty groups."""
    n_new = groups.membership.shape[1] - groups.n_known
    owners = np.arange(n_new) if owners is None else owners
    assigned = groups.assigned[space.n_labeled :] - groups.n_known
    is_new = assigned >= 0
    sums = np.zeros((n_new, space.points.shape[1]))
    np.add.at(sums, owners[assigned[is_new]], space.points[space.n_labeled :][is_new])
    counts = np.bincount(owners[assigned[is_new]], minlength=n_new)
    alike = sums @ sums.T / np.outer(counts, counts).clip(min=1)
    alike[(counts == 0)[:, None] | (counts == 0)[None]] = -np.inf
    np.fill_diagonal(alike, -np.inf)
    return np.asarray(alike)


def _likenesses(points: np.ndarray, classes: np.ndarray, n_taught: int) -> tuple[list[float], list[float]]:
    """Return how alike texts are within each held-out class, and to the nearest other one.

    Where a single class is held out, as of two or three known ones, the others are those
    that taught the metric.
    """
    is_held_out = np.isin(np.unique(classes), classes[n_taught:])
    if is_held_out.sum() != 1:
        points, classes, is_held_out = points[n_taught:], classes[n_taught:], is_held_out[is_held_out]
    sums, counts = _sums(points, classes)
    if len(counts) < 2:
        return [], []
    across = sums @ sums.T / np.outer(counts, counts)
    within = (np.diag(across) * counts**2 - counts) / (counts * (counts - 1)).clip(min=1)
    np.fill_diagonal(across, -np.inf)
    return list(within[is_held_out & (counts > 1)]), list(across.max(axis=1)[is_held_out])


def _sums(points: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.unique(classes, return_inverse=True)[1]
    sums = np.zeros((int(numbers.max(initial=-1)) + 1, points.shape[1]))
    np.add.at(sums, numbers, points)
    return sums, np.bincount(numbers)
