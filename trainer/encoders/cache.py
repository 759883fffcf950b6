"""Embeddings already computed, kept per encoder digest and text hash in Arrow files."""

import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.files import write_whole

MAX_SEGMENTS = 24                                     # more small files than this are merged into one when opened
SMALL_BYTES = 256 * 2**20                             # larger files stay: what is merged must fit into memory
HASH = pa.binary(16)


class EmbeddingCache:
    """Vectors by text hash, for one encoder.

    Each addition is one file that appears whole, so a crash loses at most the addition
    in progress, and several processes may add at once (a text embedded twice does no
    harm). A file that cannot be read is set aside: its texts are embedded again.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder_of(folder, digest)
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
        self._take(write_segment(self.folder, hashes, vectors))

    def _open(self) -> None:
        paths = sorted(self.folder.glob("*.arrow"))
        small = [path for path in paths if _size(path) < SMALL_BYTES]
        if len(small) > MAX_SEGMENTS:
            _merge(small)
            paths = sorted(self.folder.glob("*.arrow"))
        for path in paths:
            self._take(path)

    def _take(self, path: Path) -> None:
        found = _readable(path)
        if found is None:
            return
        hashes, vectors = found
        self.hashes = pa.concat_arrays([self.hashes, hashes])
        self.vectors.append(vectors)


def folder_of(cache: Path, digest: str) -> Path:
    return cache / "embeddings" / digest


def write_segment(folder: Path, hashes: Sequence[bytes], vectors: np.ndarray) -> Path:
    """Keep vectors in a file of their own, without opening the rest; raises NoSpace on a full disk."""
    path = folder / f"{uuid.uuid4().hex}.arrow"
    write_whole(path, _segment(pa.array(hashes, type=HASH), vectors))
    return path


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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _readable(path: Path) -> tuple[pa.Array, np.ndarray] | None:
    """Read a file; None if it is gone, or if it cannot be read, which sets it aside."""
    try:
        return read_segment(path)
    except FileNotFoundError:                         # merged by another process in this instant
        return None
    except (pa.ArrowException, OSError, KeyError, ValueError):
        path.replace(path.with_suffix(".unreadable"))
        return None


def _merge(paths: list[Path]) -> None:
    """Write small files as few larger ones before they go: at any instant everything is in some file."""
    group: list[Path] = []
    for path in [*paths, None]:
        if group and (path is None or sum(map(_size, group)) >= SMALL_BYTES):
            _merge_all(group)
            group = []
        if path is not None:
            group.append(path)


def _merge_all(paths: list[Path]) -> None:
    found = [each for path in paths if (each := _readable(path)) is not None]
    if found:
        hashes, vectors = zip(*found, strict=True)
        content = _segment(pa.concat_arrays(hashes), np.concatenate(vectors))
        write_whole(paths[0].with_name(f"{uuid.uuid4().hex}.arrow"), content)
    for path in paths:
        path.unlink(missing_ok=True)


def _erase(path: Path, wanted: pa.Array) -> int:
    try:
        hashes, vectors = read_segment(path)
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


def read_segment(path: Path) -> tuple[pa.Array, np.ndarray]:
    """Return the hashes and the vectors (n, d) of one file; the vectors stay on disk until they are looked at."""
    with pa.memory_map(str(path)) as source:
        batch = pa.ipc.open_file(source).get_batch(0)
    vectors = batch.column("vector")
    return batch.column("hash"), vectors.flatten().to_numpy().reshape(len(batch), vectors.type.list_size)
