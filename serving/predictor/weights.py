"""Takes the large weights out of a graph: ONNX Runtime gets them beside it, and copies nothing under the lock."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from serving.predictor.halves import INITIALIZER, Field, Graph, view
from serving.predictor.wire import encoded, fields

# Field numbers of a tensor and of the entries that say where external data is.
DIMS, DATA_TYPE, NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 8, 9, 13, 14
KEY, VALUE, IS_EXTERNAL = 1, 2, 1
KINDS: dict[Any, type[np.generic]] = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 10: np.float16}
LARGE_BYTES = 64 * 1024                               # below it a copy is not worth the trouble


def without_weights(graph: Graph) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return the graph with its large weights marked as lying elsewhere, and these by name.

    They are copies, for a message aligns nothing; numpy copies without the interpreter's lock.
    """
    parts: list[Field] = []
    weights: dict[str, np.ndarray] = {}
    for part in graph.parts:
        found = _weight(list(fields(view(part[1])))) if part[0] == INITIALIZER else None
        if found is None:
            parts.append(part)
            continue
        name, array, placeholder = found
        weights[name] = array
        parts.append((INITIALIZER, b"".join(encoded(placeholder))))
    return Graph(graph.model, parts), weights


def _weight(tensor: list[Field]) -> tuple[str, np.ndarray, list[Field]] | None:
    """Return name, values and what stands in the graph for a large tensor; None if it may as well stay there."""
    single = {number: value for number, value in tensor if number != DIMS}
    dims = [value for number, value in tensor if number == DIMS and isinstance(value, int)]
    if single.keys() != {DATA_TYPE, NAME, RAW_DATA} or len(dims) + 3 != len(tensor):
        return None                                   # documented, packed or of another kind: rare, and no harm
    kind, raw = KINDS.get(single[DATA_TYPE]), view(single[RAW_DATA])
    if kind is None or len(raw) < LARGE_BYTES or math.prod(dims) * np.dtype(kind).itemsize != len(raw):
        return None
    array = np.frombuffer(raw, dtype=kind).reshape(dims).copy()
    placeholder = [each for each in tensor if each[0] != RAW_DATA]
    return str(view(single[NAME]), "utf-8"), array, [*placeholder, *_elsewhere(array.nbytes)]


def _elsewhere(n_bytes: int) -> Iterator[Field]:
    for key, value in (("location", "beside"), ("offset", "0"), ("length", str(n_bytes))):
        yield EXTERNAL_DATA, b"".join(encoded([(KEY, key.encode()), (VALUE, value.encode())]))
    yield DATA_LOCATION, IS_EXTERNAL
