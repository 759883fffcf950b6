"""Ways to choose texts: by chance, where the head is unsure, where nothing near has a label, or both."""

import numpy as np

from trainer.asking.recipe import Way

CONTRAST = 8.0                                        # power of a similarity: far texts say little of each other


def margins(probs: np.ndarray) -> np.ndarray:
    """Return by how much the first class leads the second, (n,); 0 is least sure."""
    top = np.partition(probs, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])


def chosen(way: Way, vectors: np.ndarray, probs: np.ndarray, labeled: np.ndarray, count: int, near: float,
           seed: int) -> np.ndarray:
    """Return `count` rows of `vectors` (n, d) in the order of their worth, or all of fewer.

    `labeled` (m, d) are texts that have labels or are asked already: nothing near them is
    worth asking for its coverage.
    """
    count = min(count, len(vectors))
    if way == "random":
        return np.random.default_rng(seed).permutation(len(vectors))[:count]
    if way == "uncertainty":
        return _distinct(np.argsort(margins(probs), kind="stable"), vectors, count, near)
    worth = np.ones(len(vectors)) if way == "coverage" else 1 - margins(probs)
    return _covering(vectors, labeled, worth.astype(np.float32), count)


def _covering(vectors: np.ndarray, labeled: np.ndarray, worth: np.ndarray, count: int) -> np.ndarray:
    """Choose greedily the text that brings most `worth` (n,) of texts nearer to an asked or labeled one.

    Facility location: greedy is within 1 - 1/e of the best choice (Nemhauser et al., 1978),
    and a near copy of what was asked brings nothing. A typical text of a dense and
    unlabeled region comes first (compare arXiv 2202.02794).
    """
    similar = (vectors @ vectors.T).clip(0) ** CONTRAST                                # (n, n)
    covered = (vectors @ labeled.T).clip(0).max(axis=1, initial=0.0) ** CONTRAST       # (n,)
    rows: list[int] = []
    for _ in range(count):
        gains = worth @ (similar - covered[:, None]).clip(0)
        gains[rows] = -1.0
        rows.append(int(gains.argmax()))
        covered = np.maximum(covered, similar[rows[-1]])
    return np.array(rows, np.int64)


def _distinct(order: np.ndarray, vectors: np.ndarray, count: int, near: float) -> np.ndarray:
    """Keep the first of texts that lie near one another; if too few are left, the near ones follow."""
    kept: list[int] = []
    passed: list[int] = []
    for row in order:
        if kept and float((vectors[kept] @ vectors[row]).max()) > near:
            passed.append(int(row))
        else:
            kept.append(int(row))
        if len(kept) == count:
            break
    return np.array((kept + passed)[:count], np.int64)
