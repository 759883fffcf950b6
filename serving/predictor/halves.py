"""Cuts a graph at its embedding: versions on one encoder have one body, and a head of their own."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from serving.predictor.wire import Malformed, encoded, fields, opening

Field = tuple[int, int | bytes | memoryview]
EMBEDDING = "embedding"
# Field numbers of onnx.proto.
IR_VERSION, GRAPH, OPSET_IMPORT, TRAINING, FUNCTION = 1, 7, 8, 20, 25                   # of a model
NODE, NAME, INITIALIZER, INPUT, OUTPUT, SPARSE = 1, 2, 5, 11, 12, 15                    # of a graph
NODE_INPUT, NODE_OUTPUT, NODE_ATTRIBUTE, ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS = 1, 2, 5, 6, 11
TENSOR_NAME, VALUE_NAME = 8, 1


@dataclass(frozen=True)
class Graph:
    """A model of one graph, taken apart as far as its fields; all are views of the bytes it was read from."""

    model: list[Field]                                # of the model, without its graph
    parts: list[Field]                                # of the graph

    @classmethod
    def of(cls, content: bytes) -> "Graph":
        """Take a model apart; raises Malformed."""
        outer: list[Field] = list(fields(memoryview(content)))
        inner: list[Field] = [part for number, value in outer if number == GRAPH for part in fields(view(value))]
        return cls([each for each in outer if each[0] != GRAPH], inner)

    def digest(self) -> str:
        """Return the sha256 of the model's bytes."""
        found = hashlib.sha256()
        for piece in self._pieces():
            found.update(piece)                       # releases the interpreter's lock for what is large
        return found.hexdigest()

    def to_bytes(self) -> bytes:
        return b"".join(self._pieces())

    def _pieces(self) -> Iterator[bytes | memoryview]:
        """Yield the model's bytes; what is large is not copied."""
        graph = list(encoded(self.parts))
        yield from encoded(self.model)
        yield opening(GRAPH, sum(map(len, graph)))
        yield from graph

    def named(self, number: int) -> dict[str, Field]:
        """Return the graph's parts of one kind by their names."""
        key = TENSOR_NAME if number == INITIALIZER else VALUE_NAME
        return {_text(view(part[1]), key): part for part in self.parts if part[0] == number}


def cut(whole: Graph) -> tuple[Graph, Graph] | None:
    """Return body and head, which joined at the embedding compute what `whole` does; None if it has no such place.

    The head is what stands behind the node that gives the embedding. It may use nothing
    else of the body; what only describes (value infos, names, documentation) is left out.
    """
    kinds = {number for number, _ in whole.model}
    outputs, weights = whole.named(OUTPUT), whole.named(INITIALIZER)
    nodes = [part for part in whole.parts if part[0] == NODE]
    place = next((index for index in reversed(range(len(nodes))) if EMBEDDING in _names(nodes[index], NODE_OUTPUT)), -1)
    if kinds & {TRAINING, FUNCTION} or place < 0 or EMBEDDING not in outputs or len(nodes) == place + 1:
        return None
    head_nodes = nodes[place + 1:]
    used = {name for node in head_nodes for name in _names(node, NODE_INPUT)} - {""}
    made = {name for node in head_nodes for name in _names(node, NODE_OUTPUT)}
    if used - made - weights.keys() - {EMBEDDING} or any(map(_has_graph, head_nodes)):
        return None
    model = [each for each in whole.model if each[0] in (IR_VERSION, OPSET_IMPORT)]
    at = outputs.pop(EMBEDDING)[1]
    rest = [part for part in whole.parts if part[0] in (INPUT, SPARSE)]
    body = [*nodes[:place + 1], *_of(weights, weights.keys() - used), *rest, (OUTPUT, at)]
    head = [*head_nodes, *_of(weights, used), (INPUT, at), *outputs.values()]
    return Graph(model, _with_name(body, b"body")), Graph(model, _with_name(head, b"head"))


def apart(model: bytes) -> tuple[bytes | None, bytes]:
    """Return body and head of a model, each a model of its own; no body and the whole if it cannot be cut."""
    halves = cut(Graph.of(model))
    return (None, model) if halves is None else (halves[0].to_bytes(), halves[1].to_bytes())


def joined(body: bytes, head: bytes) -> bytes:
    """Return one model that computes what body and head do."""
    first, second = Graph.of(body), Graph.of(head)
    rest = [part for part in second.parts if part[0] not in (INPUT, NAME)]
    return Graph(first.model, [*first.parts, *rest]).to_bytes()


def _of(parts: dict[str, Field], names: Iterable[str]) -> Iterator[Field]:
    wanted = set(names)
    return (part for name, part in parts.items() if name in wanted)


def _with_name(parts: list[Field], name: bytes) -> list[Field]:
    return [*parts, (NAME, name)]                     # a graph without a name is not valid


def _names(node: Field, number: int) -> list[str]:
    return [str(view(value), "utf-8") for kind, value in fields(view(node[1])) if kind == number]


def _has_graph(node: Field) -> bool:
    attributes = [view(value) for number, value in fields(view(node[1])) if number == NODE_ATTRIBUTE]
    return any(number in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS) for each in attributes for number, _ in fields(each))


def _text(message: memoryview, number: int) -> str:
    return next((str(view(value), "utf-8") for kind, value in fields(message) if kind == number), "")


def view(value: int | bytes | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Malformed("a number stands where a message or text belongs")
    return memoryview(value)
