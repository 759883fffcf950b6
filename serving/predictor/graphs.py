"""What an ONNX graph must be to be served: self-contained, of known operators, with our inputs and outputs."""

from collections.abc import Iterator, Sequence

import onnx
import onnxruntime

from serving.errors import UnfitBundle

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})      # com.microsoft: quantized operators
OUTPUTS = ("probs", "novelty", "embedding")


def check_graph(content: bytes, name: str) -> None:
    """Refuse a model that is unreadable, points outside its bytes, or needs operators of others."""
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:                        # protobuf's DecodeError, which onnx does not export
        raise UnfitBundle(f"{name}: model.onnx cannot be read: {error}") from error
    for tensor in tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise UnfitBundle(f"{name}: tensor {tensor.name!r} of model.onnx has external_data")
    if unknown := sorted({node.domain for node in nodes(model)} - KNOWN_DOMAINS):
        raise UnfitBundle(f"{name}: model.onnx needs operators of the unknown domain {unknown[0]!r}")


def check_signature(session: onnxruntime.InferenceSession, inputs: Sequence[str], n_labels: int, name: str) -> None:
    """Refuse a graph whose inputs, outputs or number of labels are not those of its bundle."""
    found = {value.name: value.type for value in session.get_inputs()}
    if found != dict.fromkeys(inputs, "tensor(int64)"):
        raise UnfitBundle(f"{name}: model.onnx has inputs {found}, expected int64 {list(inputs)}")
    outputs = {value.name: value for value in session.get_outputs()}
    for output in OUTPUTS:
        if output not in outputs or outputs[output].type != "tensor(float)":
            raise UnfitBundle(f"{name}: model.onnx lacks the float32 output {output!r}, it has {sorted(outputs)}")
    width = outputs["probs"].shape[-1] if outputs["probs"].shape else None
    if isinstance(width, int) and width != n_labels:
        raise UnfitBundle(f"{name}: model.onnx answers {width} labels, labels.json lists {n_labels}")


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every stored tensor of the model: of all graphs, however deep, and of all attributes."""
    for graph in graphs(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes(model):
        for attribute in node.attribute:
            yield from attribute.tensors
            for sparse in attribute.sparse_tensors:
                yield from (sparse.values, sparse.indices)
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("sparse_tensor"):
                yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield every node of the model, those of functions and subgraphs too."""
    for function in model.functions:
        for node in function.node:
            yield from _with_inner_nodes(node)
    for graph in (model.graph, *(info.algorithm for info in model.training_info)):
        for node in graph.node:
            yield from _with_inner_nodes(node)


def graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Yield every graph of the model, outer before inner."""
    yield model.graph
    for info in model.training_info:
        yield from (info.initialization, info.algorithm)
    for node in nodes(model):
        yield from _inner_graphs(node)


def _with_inner_nodes(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    yield node
    for graph in _inner_graphs(node):
        for inner in graph.node:
            yield from _with_inner_nodes(inner)


def _inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        yield from attribute.graphs
        if attribute.HasField("g"):
            yield attribute.g
