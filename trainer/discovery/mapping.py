"""Draws the candidates of a discovery on a map for people: near texts lie near each other."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from sklearn.manifold import TSNE

from registry.watching.maps import MAX_CHARS, MAX_POINTS
from registry.watching.tables import DiscoveryMap
from trainer.discovery.describing import flat
from trainer.discovery.pool import Pool

PERPLEXITY = 30.0
FEW = 100                                             # below, directions of most variance tell as much


def draw_map(task: str, pool: Pool, points: np.ndarray, members: Mapping[str, np.ndarray], seed: int,
             now: datetime) -> DiscoveryMap:
    """Return a map of at most MAX_POINTS candidates, drawn at random; `points` (n, d) are where groups were looked for.

    `members` names the proposals and their rows of the pool. The texts are the bank's, with
    personal data masked as they were banked.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(points))[:MAX_POINTS])
    named = {int(row): name for name, own in members.items() for row in own}
    told = [{"x": round(float(x), 3), "y": round(float(y), 3), "text": pool.texts[row][:MAX_CHARS],
             "label": pool.guesses[row], "novelty": round(float(pool.novelty[row]), 3), "proposal": named.get(int(row))}
            for row, (x, y) in zip(rows, places(points[rows], seed), strict=True)]
    return DiscoveryMap(task=task, at=now, bank_version=pool.bank_version, version_number=pool.version.number,
                        n_texts=len(points), points=told)


def places(points: np.ndarray, seed: int) -> np.ndarray:
    """Return a place for each point, (n, 2), within -1 to 1; the same each time."""
    if len(points) < FEW:
        found = flat(points)
    else:
        found = TSNE(2, perplexity=PERPLEXITY, init="pca", random_state=seed, n_jobs=1).fit_transform(
            points.astype(np.float32))
    found = found - found.mean(axis=0)
    return np.asarray(found / max(np.abs(found).max(initial=0.0), 1e-9))
