"""Sums over blocks of neighboring texts: all that the tests need, and sums of sums are sketches of longer stretches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.drift.lens import Lens
from trainer.drift.observed import Observed, blocks_of


@dataclass(frozen=True)
class Sketch:
    """Means over each block, (n_blocks, p) per component; a text's own numbers are no longer in it."""

    means: dict[str, np.ndarray]
    block_texts: int

    def __len__(self) -> int:
        return len(next(iter(self.means.values())))

    def take(self, blocks: np.ndarray | slice) -> "Sketch":
        return Sketch({name: values[blocks] for name, values in self.means.items()}, self.block_texts)


def sketch(lens: Lens, observed: Observed, block_texts: int) -> Sketch:
    """Summarize whole blocks; texts beyond the last one wait for the next window."""
    n_blocks = len(observed) // block_texts
    kept = observed.take(np.arange(len(blocks_of(len(observed), block_texts))))
    return Sketch({name: values.reshape(n_blocks, block_texts, -1).mean(axis=1)
                   for name, values in lens.features(kept).items()}, block_texts)


def merged(parts: Sequence[Sketch]) -> Sketch:
    """Return the sketch of one stretch after the other."""
    return Sketch({name: np.concatenate([part.means[name] for part in parts]) for name in parts[0].means},
                  parts[0].block_texts)
