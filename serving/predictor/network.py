"""A graph open in ONNX Runtime: its body, which versions on one encoder share, and its head."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import onnxruntime

from registry.artifacts.bundle import Body
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
    proven: dict[bytes, np.ndarray] = field(default_factory=dict, repr=False)       # by inputs, of the last proof


Run = Callable[[Sequence[str], dict[str, Any]], list[np.ndarray]]
Bodies = WeakValueDictionary[str, Opened]             # by digest; a body lives as long as a version that stands on it


class Network:
    """Runs one graph, in one session or, where it can be cut at its embedding, in two."""

    def __init__(self, body: Opened, head: Opened | None, is_shared: bool = False) -> None:
        self.body, self.head, self.is_shared = body, head, is_shared

    def run(self, outputs: Sequence[str], inputs: dict[str, Any]) -> list[np.ndarray]:
        """Return the named outputs of one run."""
        if self.head is None:
            return list(self.body.session.run(list(outputs), inputs))
        return self._behind(self.head, outputs, self.body.session.run([EMBEDDING], inputs)[0])

    def proof(self) -> Run:
        """Return a `run` for golden texts that asks a shared body only what its last proof did not.

        The same inputs in the same session give the same embedding; texts that versions
        have in common, the longest among them, need not hold up answers twice.
        """
        head, proven = self.head, self.body.proven
        before = dict(proven)
        proven.clear()

        def run(outputs: Sequence[str], inputs: dict[str, Any]) -> list[np.ndarray]:
            if head is None:
                return self.run(outputs, inputs)
            key = b"".join(name.encode() + each.tobytes() for name, each in sorted(inputs.items()))
            proven[key] = before[key] if key in before else self.body.session.run([EMBEDDING], inputs)[0]
            return self._behind(head, outputs, proven[key])

        return run

    def _behind(self, head: Opened, outputs: Sequence[str], embedding: np.ndarray) -> list[np.ndarray]:
        found = {EMBEDDING: embedding}
        if behind := [name for name in outputs if name != EMBEDDING]:
            found |= zip(behind, head.session.run(behind, found), strict=True)
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


@dataclass(frozen=True)
class Opener:
    """Opens sessions on exactly the bytes in memory, so that what was verified is what runs."""

    providers: Sequence[str]
    threads: int
    name: str                                         # of the bundle, for messages

    def open(self, graph: Graph) -> Opened:
        """Open one graph; raises UnfitBundle with ONNX Runtime's reason."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")       # idle threads leave their core
        graph, weights = without_weights(graph)
        beside = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
        options.add_external_initializers(list(weights), beside)
        try:
            return Opened(onnxruntime.InferenceSession(graph.to_bytes(), options, providers=list(self.providers)),
                          weights)
        except Exception as error:                    # ONNX Runtime has one exception class per status code
            reason = str(error).splitlines()[0][:300]
            raise UnfitBundle(f"{self.name}: ONNX Runtime cannot open its graph: {reason}") from error


def open_network(model: bytes, body: Body | None, opener: Opener, bodies: Bodies, pace: Pace = AT_ONCE) -> Network:
    """Open a model, given whole or as the head of a `body`; raises UnfitBundle naming what no server may load.

    A body in `bodies` was checked when it was opened, and is not opened again: a
    version on the same encoder loads its head alone.
    """
    try:
        return _open_whole(model, opener, bodies, pace) if body is None \
            else _open_halves(body, model, opener, bodies, pace)
    except (Malformed, UnicodeDecodeError) as error:
        raise UnfitBundle(f"{opener.name}: its graph cannot be read: {error}") from error


def _open_whole(model: bytes, opener: Opener, bodies: Bodies, pace: Pace) -> Network:
    """Open a model in one session or, where it can be cut, as halves."""
    whole = Graph.of(model)
    halves = cut(whole)
    if halves is None:
        check_graph(model, opener.name)
        return Network(pace.aside(opener.open, whole), None)
    body, head = halves
    digest = pace.aside(body.digest)
    shared = bodies.get(digest)
    check_graph(head.to_bytes() if shared else model, opener.name)
    opened = bodies[digest] = shared or pace.aside(opener.open, body)
    return _joined(opened, head, opener, is_shared=shared is not None)


def _open_halves(body: Body, head: bytes, opener: Opener, bodies: Bodies, pace: Pace) -> Network:
    shared = bodies.get(body.digest)
    opened = shared or pace.aside(_open_body, body, opener)
    bodies[body.digest] = opened
    check_graph(head, opener.name)
    return _joined(opened, Graph.of(head), opener, is_shared=shared is not None)


def _open_body(body: Body, opener: Opener) -> Opened:
    if body.content is None:
        raise UnfitBundle(f"{opener.name}: its body {body.digest[:12]} is open no more", "load it again")
    check_graph(body.content, opener.name)
    return opener.open(Graph.of(body.content))


def _joined(body: Opened, head: Graph, opener: Opener, *, is_shared: bool) -> Network:
    """Open the head; what it takes must be what the body gives."""
    opened = opener.open(head)
    taken = [each.name for each in opened.session.get_inputs()]
    given = [each.name for each in body.session.get_outputs()]
    if taken != [EMBEDDING] or EMBEDDING not in given:
        raise UnfitBundle(f"{opener.name}: its head takes {taken}, its body gives {given}")
    return Network(body, opened, is_shared)
