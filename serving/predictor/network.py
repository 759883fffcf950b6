"""A graph open in ONNX Runtime: its body, which versions on one encoder share, and its head."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import onnxruntime

from serving.errors import UnfitBundle
from serving.predictor.graphs import check_graph
from serving.predictor.halves import EMBEDDING, Graph, cut
from serving.predictor.pace import AT_ONCE, Pace
from serving.predictor.weights import without_weights
from serving.predictor.wire import Malformed


@dataclass(frozen=True, eq=False)
class Opened:
    """A session and the weights that lie beside its graph, which must live as long."""

    session: onnxruntime.InferenceSession
    weights: dict[str, np.ndarray] = field(repr=False)


Bodies = WeakValueDictionary[str, Opened]             # by digest; a body lives as long as a version that stands on it


class Network:
    """Runs one graph, in one session or, where it can be cut at its embedding, in two."""

    def __init__(self, body: Opened, head: Opened | None, is_shared: bool = False) -> None:
        self.body, self.head, self.is_shared = body, head, is_shared

    def run(self, outputs: Sequence[str], inputs: dict[str, Any]) -> list[np.ndarray]:
        """Return the named outputs of one run."""
        if self.head is None:
            return list(self.body.session.run(list(outputs), inputs))
        found = {EMBEDDING: self.body.session.run([EMBEDDING], inputs)[0]}
        if behind := [name for name in outputs if name != EMBEDDING]:
            found |= zip(behind, self.head.session.run(behind, found), strict=True)
        return [found[name] for name in outputs]

    def run_head(self, outputs: Sequence[str], embedding: np.ndarray) -> list[np.ndarray]:
        """Return the named outputs for embeddings (B, d) that this body gave before; only where there is a head."""
        assert self.head is not None
        return list(self.head.session.run(list(outputs), {EMBEDDING: embedding}))

    def get_inputs(self) -> list[onnxruntime.NodeArg]:
        return list(self.body.session.get_inputs())

    def get_outputs(self) -> list[onnxruntime.NodeArg]:
        behind = [] if self.head is None else self.head.session.get_outputs()
        return [*self.body.session.get_outputs(), *behind]

    def get_providers(self) -> list[str]:
        return list(self.body.session.get_providers())


def open_network(model: bytes, providers: Sequence[str], threads: int, name: str, bodies: Bodies,
                 pace: Pace = AT_ONCE) -> Network:
    """Open a model; raises UnfitBundle naming what no server may load.

    A body in `bodies` was checked when it was opened, and is not opened again: a
    version on the same encoder loads its head alone.
    """
    try:
        whole = Graph.of(model)
        halves = cut(whole)
    except (Malformed, UnicodeDecodeError) as error:
        raise UnfitBundle(f"{name}: model.onnx cannot be read: {error}") from error
    if halves is None:
        check_graph(model, name)
        return Network(pace.aside(_open, whole, providers, threads, name), None)
    body, head = halves
    digest = pace.aside(body.digest)
    shared = bodies.get(digest)
    check_graph(head.to_bytes() if shared else model, name)
    opened = shared or pace.aside(_open, body, providers, threads, name)
    bodies[digest] = opened
    return Network(opened, _open(head, providers, threads, name), is_shared=shared is not None)


def _open(graph: Graph, providers: Sequence[str], threads: int, name: str) -> Opened:
    """Open a session on exactly the bytes in memory, so that what was verified is what runs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")     # idle threads leave the core to others
    graph, weights = without_weights(graph)
    beside = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
    options.add_external_initializers(list(weights), beside)
    try:
        return Opened(onnxruntime.InferenceSession(graph.to_bytes(), options, providers=list(providers)), weights)
    except Exception as error:                        # ONNX Runtime has one exception class per status code
        raise UnfitBundle(f"{name}: ONNX Runtime cannot open model.onnx: {str(error).splitlines()[0][:300]}") from error
