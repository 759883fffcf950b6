"""What an ONNX graph must be to be served: self-contained, of known operators, with our inputs and outputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from serving.errors import UnfitBundle
from serving.predictor.wire import Malformed, fields

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})      # com.microsoft: quantized operators
OUTPUTS = ("probs", "novelty", "embedding")

# Messages of onnx.proto and, by field number, the messages inside them that hold nodes or tensors.
INNER: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
NODE_DOMAIN, TENSOR_NAME, TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION = 7, 8, 13, 14
MAX_DEPTH = 64                                        # of messages in messages; exported models need 8


class Signed(Protocol):
    """What has inputs and outputs, as an ONNX Runtime session does."""

    def get_inputs(self) -> Sequence[Any]: ...
    def get_outputs(self) -> Sequence[Any]: ...


@dataclass
class Findings:
    """What must not be in a served graph."""

    external: list[str] = field(default_factory=list)            # names of tensors whose data is elsewhere
    domains: set[str] = field(default_factory=set)


def check_graph(content: bytes, name: str) -> None:
    """Refuse a model that is unreadable, points outside its bytes, or needs operators of others."""
    found = Findings()
    try:
        _search(memoryview(content), "model", found, 0)
    except (Malformed, UnicodeDecodeError) as error:
        raise UnfitBundle(f"{name}: its graph cannot be read: {error}") from error
    if found.external:
        raise UnfitBundle(f"{name}: tensor {found.external[0]!r} of its graph has external_data")
    if unknown := sorted(found.domains - KNOWN_DOMAINS):
        raise UnfitBundle(f"{name}: its graph needs operators of the unknown domain {unknown[0]!r}")


def check_signature(session: Signed, inputs: Sequence[str], n_labels: int, name: str) -> None:
    """Refuse a graph whose inputs, outputs or number of labels are not those of its bundle."""
    found = {value.name: value.type for value in session.get_inputs()}
    if found != dict.fromkeys(inputs, "tensor(int64)"):
        raise UnfitBundle(f"{name}: its graph has inputs {found}, expected int64 {list(inputs)}")
    outputs = {value.name: value for value in session.get_outputs()}
    for output in OUTPUTS:
        if output not in outputs or outputs[output].type != "tensor(float)":
            raise UnfitBundle(f"{name}: its graph lacks the float32 output {output!r}, it has {sorted(outputs)}")
    width = outputs["probs"].shape[-1] if outputs["probs"].shape else None
    if isinstance(width, int) and width != n_labels:
        raise UnfitBundle(f"{name}: its graph answers {width} labels, labels.json lists {n_labels}")


def _search(message: memoryview, kind: str, found: Findings, depth: int) -> None:
    """Look through a message and all that are in it; graphs and tensors hide in attributes, however deep."""
    if depth > MAX_DEPTH:
        raise Malformed(f"messages are nested more than {MAX_DEPTH} deep")
    if kind == "tensor":
        found.external += _external(message)
        return
    for number, value in fields(message):
        if number in INNER[kind]:
            _search(_bytes(value), INNER[kind][number], found, depth + 1)
        elif kind == "node" and number == NODE_DOMAIN:
            found.domains.add(str(_bytes(value), "utf-8"))


def _external(tensor: memoryview) -> Iterator[str]:
    """Yield the tensor's name if its data lies outside the model."""
    name, is_external = "", False
    for number, value in fields(tensor):
        if number == TENSOR_NAME:
            name = str(_bytes(value), "utf-8")
        is_external |= number == TENSOR_EXTERNAL_DATA or (number == TENSOR_DATA_LOCATION and value != 0)
    if is_external:
        yield name


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Malformed("a number stands where a message or text belongs")
    return value
