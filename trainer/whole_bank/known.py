"""Which vectors are known: a snapshot of an embedding cache, which all processes of a machine share in memory."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainer.encoders.cache import read_segment

KEY = "S16"                                           # compares as bytes; all keys have the same length


@dataclass(frozen=True)
class KnownVectors:
    """The keys of a cache in order, and where each vector lies; the files are opened where they are asked for."""

    keys: np.ndarray                                  # (n,) KEY, ascending
    places: np.ndarray                                # (n, 2) int64: file, row
    paths: list[Path]

    @classmethod
    def of(cls, folder: Path) -> "KnownVectors":
        """Take the vectors that `folder` holds now; files that cannot be read count as none."""
        paths, found = [], []
        for path in sorted(folder.glob("*.arrow")):
            with suppress(pa.ArrowException, OSError, KeyError, ValueError):
                found.append(np.frombuffer(b"".join(read_segment(path)[0].to_pylist()), KEY))
                paths.append(path.absolute())
        keys = np.concatenate([np.empty(0, KEY), *found])
        files = np.repeat(np.arange(len(found)), [len(each) for each in found])
        rows = np.concatenate([np.empty(0, np.int64), *(np.arange(len(each)) for each in found)])
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], np.stack([files, rows], axis=1)[order].astype(np.int64), paths)

    def has(self, keys: list[bytes]) -> np.ndarray:
        """Say of each key whether its vector is known."""
        if not len(self.keys):
            return np.zeros(len(keys), bool)
        wanted = np.array(keys, KEY)
        at = np.searchsorted(self.keys, wanted).clip(max=len(self.keys) - 1)
        return np.asarray(self.keys[at] == wanted)

    def get(self, keys: list[bytes]) -> np.ndarray:
        """Return the (n, d) vectors of keys that are all known."""
        places = self.places[np.searchsorted(self.keys, np.array(keys, KEY))]
        return np.stack([self._segments[file][row] for file, row in places.tolist()])

    def where_readable(self) -> "KnownVectors":
        """Return none if the files are not there: another machine has them only if it shares the disk."""
        return self if all(path.exists() for path in self.paths) else KnownVectors(self.keys[:0], self.places[:0], [])

    @cached_property
    def _segments(self) -> list[np.ndarray]:
        return [read_segment(path)[1] for path in self.paths]
