"""Which new groups are pieces of a known class: as like its labels as labels are that the metric never saw."""

import numpy as np

from trainer.discovery.grouping import Groups
from trainer.discovery.metric import learn_metric
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space
from trainer.learning.embedded import Labeled

N_SPLITS = 4
MIN_KNOWN = 4


def known_bar(space: Space, recipe: DiscoveryRecipe, seed: int) -> float | None:
    """Return the mean cosine to a known class's labels from which a group is a piece of that class.

    Half of each class's labels teach the metric; the bar lies half way between how alike
    the others are to those of their own class and to the nearest other class, medians over
    classes. None if no class has two labels, or where there are two or three: the
    nearest of so few classes is so far that new ones would pass for pieces of it.
    """
    if space.n_known < MIN_KNOWN:
        return None
    same, other = [], []
    for number in range(N_SPLITS):
        is_seen = _halved(space.known, np.random.default_rng(seed + number))
        seen, hidden = (np.flatnonzero(rows) for rows in (is_seen, ~is_seen))
        metric = learn_metric(Labeled(space.smoothed[seen], space.known[seen], space.n_known), space.smoothed,
                              recipe.shrinkage)
        anchors = _means(metric(space.smoothed[seen]), space.known[seen], space.n_known)
        asked = np.unique(space.known[hidden])
        alike = _means(metric(space.smoothed[hidden]), space.known[hidden], space.n_known)[asked] @ anchors.T
        same += list(alike[np.arange(len(asked)), asked])
        alike[np.arange(len(asked)), asked] = -np.inf
        other += list(alike.max(axis=1))
    return float(np.median(same) + np.median(other)) / 2 if same else None


def likeness_to_known(groups: Groups, space: Space) -> np.ndarray:
    """Return the mean cosine of each new group's texts to the labels of each known class, (n, n_known).

    Groups that hold no text are like nothing: -inf.
    """
    n_new = groups.membership.shape[1] - groups.n_known
    assigned = groups.assigned[space.n_labeled :] - groups.n_known
    is_new = assigned >= 0
    anchors = _means(space.points[: space.n_labeled], space.known, space.n_known)
    alike = _means(space.points[space.n_labeled :][is_new], assigned[is_new], n_new) @ anchors.T
    alike[np.bincount(assigned[is_new], minlength=n_new) == 0] = -np.inf
    return np.asarray(alike)


def _halved(classes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a random half of the labels of each class, (n,); of an odd number the larger half, so at least one."""
    is_seen, order = np.zeros(len(classes), bool), generator.permutation(len(classes))
    for number in np.unique(classes):
        own = order[classes[order] == number]
        is_seen[own[: (len(own) + 1) // 2]] = True
    return is_seen


def _means(points: np.ndarray, numbers: np.ndarray, n: int) -> np.ndarray:
    sums = np.zeros((n, points.shape[1]))
    np.add.at(sums, numbers, points)
    return np.asarray(sums / np.bincount(numbers, minlength=n).clip(1)[:, None])
