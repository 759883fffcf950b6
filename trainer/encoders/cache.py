"""Embeddings already computed, kept per encoder digest and text hash in Arrow files."""

import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.files import write_whole

MAX_SEGMENTS = 24                                     # more files than this are merged into one when opened
HASH = pa.binary(16)


class EmbeddingCache:
    """Vectors by text hash, for one encoder.

    Each addition is one file that appears whole, so a crash loses at most the addition
    in progress, and several processes may add at once (a text embedded twice does no
    harm). A file that cannot be read is set aside: its texts are embedded again.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder / "embeddings" / digest
        self.hashes = pa.array([], type=HASH)
        self.vectors: list[np.ndarray] = []           # one (n, d) per segment, memory-mapped
        self._open()

    def __len__(self) -> int:
        return len(self.hashes)

    def positions(self, hashes: Sequence[bytes]) -> pa.Array:
        """Return where each hash lies, null for those that are not there."""
        return pc.index_in(pa.array(hashes, type=HASH), value_set=self.hashes)

    def get(self, hashes: Sequence[bytes]) -> np.ndarray:
        """Return the (n, d) vectors of hashes that are all there."""
        positions = self.positions(hashes).to_numpy(zero_copy_only=False).astype(np.int64)
        starts = np.cumsum([0, *map(len, self.vectors)])
        segments = np.searchsorted(starts, positions, side="right") - 1
        found = np.empty((len(positions), self.vectors[0].shape[1] if self.vectors else 0), np.float32)
        for number in np.unique(segments):
            rows = segments == number
            found[rows] = self.vectors[number][positions[rows] - starts[number]]
        return found

    def add(self, hashes: Sequence[bytes], vectors: np.ndarray) -> None:
        """Keep vectors; they are on disk when this returns. Raises NoSpace on a full disk."""
        path = self.folder / f"{uuid.uuid4().hex}.arrow"
        write_whole(path, _segment(pa.array(hashes, type=HASH), vectors))
        self._take(path)

    def _open(self) -> None:
        paths = sorted(self.folder.glob("*.arrow"))
        for path in paths:
            self._take(path)
        if len(paths) > MAX_SEGMENTS:
            self._merge(paths)

    def _take(self, path: Path) -> None:
        try:
            hashes, vectors = _read(path)
        except FileNotFoundError:                     # merged by another process in this instant
            return
        except (pa.ArrowException, OSError, KeyError, ValueError):
            path.replace(path.with_suffix(".unreadable"))
            return
        self.hashes = pa.concat_arrays([self.hashes, hashes])
        self.vectors.append(vectors)

    def _merge(self, paths: list[Path]) -> None:
        """Write all segments as one before the small ones go: at any instant everything is in some file."""
        content = _segment(self.hashes, np.concatenate(self.vectors))
        self.hashes, self.vectors = pa.array([], type=HASH), []
        merged = self.folder / f"{uuid.uuid4().hex}.arrow"
        write_whole(merged, content)
        for path in paths:
            path.unlink(missing_ok=True)
        self._take(merged)


def forget_vectors(folder: Path, hashes: Collection[bytes]) -> int:
    """Erase the vectors of these texts, of every encoder and every version's answers; return how many there were.

    What is left of a file is written before the file goes. Files that could not be read go
    too. A process that has a cache open goes on with what it has in memory, and while it
    merges files it may write some anew; hence again until nothing is found.
    """
    erased, wanted = 0, pa.array(list(hashes), type=HASH)
    for own in sorted((folder / "embeddings").glob("*")):
        for path in own.glob("*.unreadable"):
            path.unlink(missing_ok=True)
        while found := sum(_erase(path, wanted) for path in sorted(own.glob("*.arrow"))):
            erased += found
    return erased


def _erase(path: Path, wanted: pa.Array) -> int:
    try:
        hashes, vectors = _read(path)
    except FileNotFoundError:                         # merged by another process in this instant
        return 0
    except (pa.ArrowException, OSError, KeyError, ValueError):
        path.unlink(missing_ok=True)
        return 0
    stays = ~pc.is_in(hashes, value_set=wanted).to_numpy(zero_copy_only=False)
    if stays.all():
        return 0
    if stays.any():
        left = _segment(hashes.filter(pa.array(stays)), vectors[stays])
        write_whole(path.with_name(f"{uuid.uuid4().hex}.arrow"), left)
    path.unlink(missing_ok=True)
    return int((~stays).sum())


def _segment(hashes: pa.Array, vectors: np.ndarray) -> bytes:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    table = pa.record_batch({"hash": hashes, "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def _read(path: Path) -> tuple[pa.Array, np.ndarray]:
    with pa.memory_map(str(path)) as source:
        batch = pa.ipc.open_file(source).get_batch(0)
    vectors = batch.column("vector")
    return batch.column("hash"), vectors.flatten().to_numpy().reshape(len(batch), vectors.type.list_size)
