"""Looks at the bytes of whole text columns, without a Python string for each text."""

import numpy as np
import pyarrow as pa


def borders(texts: pa.StringArray) -> tuple[np.ndarray, bytes]:
    """Return the bytes of all texts joined, and where each begins there and the last ends, (n + 1,) int64."""
    if not len(texts):
        return np.zeros(1, dtype=np.int64), b""
    _, offsets, content = texts.buffers()
    found = np.frombuffer(offsets, dtype=np.int32)[texts.offset:texts.offset + len(texts) + 1].astype(np.int64)
    return found - found[0], bytes(content[found[0]:found[-1]]) if content is not None else b""


def replaced(texts: pa.StringArray, where: np.ndarray, by: list[str]) -> pa.StringArray:
    """Return `texts` with those numbered `where` replaced."""
    order = np.arange(len(texts))
    order[where] = len(texts) + np.arange(len(by))
    return pa.concat_arrays([texts, pa.array(by, pa.string())]).take(pa.array(order))


def in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    """Return the chunks of `column` as one array."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
