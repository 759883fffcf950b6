"""How many classes there are: by how tight known classes are that the metric never saw, and by how much is novel."""

import numpy as np
from scipy.cluster.hierarchy import linkage

from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space, half_taught
from trainer.learning.novel_traffic import novel_traffic

MAX_TREE = 3_000                                      # texts in a tree; its distances take 36 MB
MIN_TREE = 4
N_SPLITS = 4
# Groups are made to be tight: at the true number they lie closer together than classes do, by this factor of what is
# missing to a cosine of 1 (0.68 to 0.93 on the train splits of BANKING77 and CLINC150, 25 to 75 % of classes known).
TIGHTER = 0.78
UNKNOWN_TIGHTNESS = 0.66                              # where no two labels share a class; the mean of those sets


def number_by_share(novelty: np.ndarray, n_classes: int) -> float | None:
    """Return how many classes there are if those that a model does not know are as large as the `n_classes` it knows.

    `novelty` (n,) is that of all texts, as they come. None if they are too few, or if none is known.
    """
    found = novel_traffic(novelty)
    return None if found is None or found.share >= 1 else n_classes / (1 - found.share)


def estimate_number(space: Space, recipe: DiscoveryRecipe, seed: int) -> int:
    """Return how many classes the texts hold, known ones included.

    The metric is learned from a half of the known classes; how alike the labels of the
    other half are within their classes is what groups are compared with. Where a model
    tells novel texts, only they are grouped, and their classes come on top of the known.
    """
    found = [_cut(space, recipe, seed + number) for number in range(N_SPLITS)]
    n_found = round(float(np.exp(np.mean(np.log(found)))))
    return max(n_found, space.n_known) if space.is_novel is None else space.n_known + n_found


def _cut(space: Space, recipe: DiscoveryRecipe, seed: int) -> int:
    is_asked = np.ones(len(space.smoothed) - space.n_labeled, bool) if space.is_novel is None else space.is_novel
    most = max(MAX_TREE - space.n_labeled, MAX_TREE // 2)
    rows = np.sort(np.random.default_rng(seed).permutation(np.flatnonzero(is_asked))[:most])
    if len(rows) < MIN_TREE:
        return 1
    points, classes = half_taught(space, recipe.shrinkage, seed, rows)
    wanted = 1 - TIGHTER * (1 - tightness_of(points[: len(classes)], classes))
    grouped = points if space.is_novel is None else points[len(classes) :]
    return int(np.argmax(tightness_by_cut(grouped)[1:] >= wanted)) + 1


def tightness_of(points: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean cosine of two points of one class, each class counting alike."""
    means = []
    for number in np.unique(classes):
        own = points[classes == number]
        if len(own) > 1:
            means.append((float(np.square(own.sum(axis=0)).sum()) - len(own)) / (len(own) * (len(own) - 1)))
    return float(np.mean(means)) if means else UNKNOWN_TIGHTNESS


def tightness_by_cut(points: np.ndarray) -> np.ndarray:
    """Return, for each number of clusters of the Ward tree up to n, the mean cosine of two points of one cluster.

    Each point counts alike, those that are alone do not count; (n + 1,), infinite where all are alone.
    """
    n = len(points)
    sums = np.concatenate([points, np.zeros((n - 1, points.shape[1]))])
    sizes, tightness, n_alone, total = np.ones(2 * n - 1), np.zeros(2 * n - 1), n, 0.0
    by_cut = np.full(n + 1, np.inf)
    for step, (a, b) in enumerate(linkage(points, "ward")[:, :2].astype(np.int64)):
        sums[n + step], size = sums[a] + sums[b], sizes[a] + sizes[b]
        sizes[n + step] = size
        tightness[n + step] = (float(sums[n + step] @ sums[n + step]) - size) / (size - 1)
        total += tightness[n + step] - tightness[a] - tightness[b]
        n_alone -= int(a < n) + int(b < n)
        by_cut[n - step - 1] = total / max(n - n_alone, 1)
    return by_cut
