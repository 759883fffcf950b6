"""The graph of near texts: who lies next to whom, and how labels spread over it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

BLOCK_ROWS = 1_024                                    # rows compared with all others at once; 80 MB at 20,000 texts
SCALE_RANK = 10                                       # the distance to this neighbor is a text's own scale
LEAST_SCALE = 1e-3                                    # repeats of one text lie at distance 0 of each other

Report = Callable[[float], None]


@dataclass(frozen=True)
class Neighborhood:
    """Vectors (N, d) of length 1 and their symmetric normalized similarities (N, N)."""

    vectors: np.ndarray
    similarities: sparse.csr_matrix

    def __len__(self) -> int:
        return len(self.vectors)

    def spread(self, seeds: np.ndarray, alpha: float, n_steps: int) -> np.ndarray:
        """Return what `seeds` (N, C) become when each text takes the share `alpha` from its neighbors.

        `n_steps` steps towards the fixed point of local and global consistency
        (Zhou et al., NIPS 2003).
        """
        spread = seeds
        for _ in range(n_steps):
            spread = alpha * (self.similarities @ spread) + (1 - alpha) * seeds
        return spread


def neighborhood(vectors: np.ndarray, n_neighbors: int, report: Report = lambda _done: None) -> Neighborhood:
    """Join each text with its nearest, exactly; similarity falls with distance over both texts' own scale.

    Local scales (Zelnik-Manor & Perona, NIPS 2004) let dense and sparse regions of the
    bank hold together alike.
    """
    n_neighbors = min(n_neighbors, len(vectors) - 1)
    nearest, cosine = _nearest(vectors, n_neighbors, report)
    distance = (1 - cosine).clip(min=0)                                               # (N, k)
    scale = distance[:, min(SCALE_RANK, n_neighbors) - 1].clip(min=LEAST_SCALE)       # (N,)
    weight = np.exp(-distance / np.sqrt(scale[:, None] * scale[nearest]))
    rows = np.repeat(np.arange(len(vectors)), n_neighbors)
    joined = sparse.csr_matrix((weight.ravel(), (rows, nearest.ravel())), shape=(len(vectors), len(vectors)))
    joined = joined + joined.T
    shrink = sparse.diags(1 / np.sqrt(np.asarray(joined.sum(axis=1)).ravel().clip(min=1e-9)))
    return Neighborhood(vectors, (shrink @ joined @ shrink).tocsr().astype(np.float32))


def _nearest(vectors: np.ndarray, n_neighbors: int, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest other rows and their cosines, (N, k) each, nearest first."""
    everything = torch.from_numpy(np.ascontiguousarray(vectors))
    nearest, cosine = [], []
    for start in range(0, len(vectors), BLOCK_ROWS):
        report(start / len(vectors))
        block = everything[start : start + BLOCK_ROWS] @ everything.T
        own = torch.arange(len(block))
        block[own, start + own] = -2.0
        top = block.topk(n_neighbors, dim=1)
        nearest.append(top.indices.numpy())
        cosine.append(top.values.numpy())
    return np.concatenate(nearest), np.concatenate(cosine)
