"""Texts in the order they came, with all that is known of them without a label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Observed:
    """n texts, oldest first; vectors (n, d), probs (n, C), novelty (n,)."""

    texts: list[str]
    sources: list[str]
    vectors: np.ndarray
    probs: np.ndarray
    novelty: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Observed":
        return Observed([self.texts[row] for row in rows], [self.sources[row] for row in rows], self.vectors[rows],
                        self.probs[rows], self.novelty[rows])

    def of_source(self, source: str) -> "Observed":
        return self.take(np.flatnonzero(np.array(self.sources, object) == source))


def joined(parts: Sequence[Observed]) -> Observed:
    """Return the parts one after the other."""
    return Observed([text for part in parts for text in part.texts],
                    [source for part in parts for source in part.sources],
                    *(np.concatenate([getattr(part, name) for part in parts])
                      for name in ("vectors", "probs", "novelty")))


def blocks_of(n: int, block_texts: int) -> np.ndarray:
    """Return the block of each of the first texts (m,), m the largest multiple of `block_texts` up to n."""
    return np.repeat(np.arange(n // block_texts), block_texts)


def halves(n: int, block_texts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of even and of odd blocks: two samples of the same stretch of the stream."""
    blocks = blocks_of(n, block_texts)
    rows = np.arange(len(blocks))
    return rows[blocks % 2 == 0], rows[blocks % 2 == 1]
