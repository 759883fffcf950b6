"""Measures what a grown label space is worth: a person accepts the groups, and a head learns old and new classes."""

import numpy as np

from trainer.discovery.describing import exemplars
from trainer.discovery.grouping import Groups
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space
from trainer.learning.embedded import Labeled
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe

LEAST_SHARE = 0.5                                     # of a group's exemplars in one class, for a person to accept it


def extend(labeled: Labeled, known: np.ndarray, space: Space, groups: Groups, vectors: np.ndarray, truth: np.ndarray,
           test: Labeled, recipe: DiscoveryRecipe, seed: int) -> dict[str, float | int | None]:
    """Return accuracies on the test texts of old classes, before and after, and of the new ones.

    `vectors` (n, d) and `truth` (n,) are of the candidates. The person names a group by
    what most of its exemplars are, leaves the others out, and rejects what is mixed.
    """
    old = learn_supervised(Labeled(labeled.vectors, known[labeled.classes], test.n_classes), HeadRecipe(), seed)
    rows = confirmed(space, groups, truth, np.setdiff1d(np.arange(test.n_classes), known), recipe, seed)
    both = Labeled(np.concatenate([labeled.vectors, vectors[rows]]),
                   np.concatenate([known[labeled.classes], truth[rows]]), test.n_classes)
    grown = learn_supervised(both, HeadRecipe(), seed) if len(rows) else old
    is_old, answers = np.isin(test.classes, known), [head.probs(test.vectors).argmax(axis=1) for head in (old, grown)]
    before, after = (each == test.classes for each in answers)
    return {"classes_accepted": len(np.unique(truth[rows])), "classes_new": test.n_classes - len(known),
            "old_before": round(float(before[is_old].mean()), 4), "old_after": round(float(after[is_old].mean()), 4),
            "new_after": round(float(after[~is_old].mean()), 4), "all_after": round(float(after.mean()), 4)}


def confirmed(space: Space, groups: Groups, truth: np.ndarray, new: np.ndarray, recipe: DiscoveryRecipe,
              seed: int) -> np.ndarray:
    """Return the candidates that a person confirms as texts of a new class, (m,)."""
    assigned, rows = groups.assigned[space.n_labeled :] - groups.n_known, [np.empty(0, np.int64)]
    for number in range(groups.membership.shape[1] - groups.n_known):
        own = np.flatnonzero(assigned == number)
        if len(own) < recipe.min_texts:
            continue
        points = space.points[space.n_labeled + own]
        shown = own[exemplars(points, groups.centers[groups.n_known + number], recipe.n_exemplars, seed)]
        label = np.bincount(truth[shown]).argmax()
        if label in new and (truth[shown] == label).mean() >= LEAST_SHARE:
            rows.append(shown[truth[shown] == label])
    return np.unique(np.concatenate(rows))
