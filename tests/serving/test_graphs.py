"""A graph is searched as deep as it goes, and agrees with the parser on what it holds."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from serving.errors import UnfitBundle
from serving.predictor.graphs import check_graph


def model_of(*nodes: onnx.NodeProto, initializers: tuple[TensorProto, ...] = ()) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    return helper.make_model(helper.make_graph(list(nodes), "g", [value], [value], list(initializers)))


def external() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "outside")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def inside_a_branch(tensor: TensorProto, depth: int) -> onnx.NodeProto:
    inner = helper.make_node("Constant", [], ["c"], value=tensor) if depth == 0 else inside_a_branch(tensor, depth - 1)
    graph = helper.make_graph([inner], "branch", [], [])
    return helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)


def in_a_function(tensor: TensorProto) -> onnx.ModelProto:
    model = model_of()
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    model.functions.append(helper.make_function("", "F", [], ["c"], [node], [helper.make_opsetid("", 17)]))
    return model


def sparse(tensor: TensorProto) -> onnx.ModelProto:
    model = model_of()
    model.graph.sparse_initializer.add().values.CopyFrom(tensor)
    return model


@pytest.mark.parametrize("hide", [
    lambda tensor: model_of(initializers=(tensor,)),
    lambda tensor: model_of(inside_a_branch(tensor, 0)),
    lambda tensor: model_of(inside_a_branch(tensor, 3)),
    in_a_function,
    sparse,
], ids=["initializer", "branch", "deep branch", "function", "sparse"])
def test_external_data_is_found_wherever_it_hides(hide):
    with pytest.raises(UnfitBundle, match=r"'outside'.*external_data"):
        check_graph(hide(external()).SerializeToString(), "bundle")
    check_graph(hide(numpy_helper.from_array(np.zeros(4, np.float32), "inside")).SerializeToString(), "bundle")


def test_a_location_without_the_external_mark_is_refused_too():
    tensor = external()
    tensor.ClearField("data_location")
    with pytest.raises(UnfitBundle, match="external_data"):
        check_graph(model_of(initializers=(tensor,)).SerializeToString(), "bundle")


def test_an_operator_of_an_unknown_domain_is_named():
    with pytest.raises(UnfitBundle, match=r"unknown domain 'evil\.ops'"):
        check_graph(model_of(helper.make_node("Run", ["x"], ["y"], domain="evil.ops")).SerializeToString(), "bundle")


@pytest.mark.parametrize("content", [b"\xff", b"\x3a\xff\xff\xff\xff\x0f", b"\x3b\x00", b"\xff" * 11, b"\x38\x01"],
                         ids=["cut number", "cut field", "group", "endless number", "number for a graph"])
def test_bytes_that_are_no_model_are_refused(content):
    with pytest.raises(UnfitBundle, match="cannot be read"):
        check_graph(content, "bundle")


def test_a_model_nested_without_end_is_refused():
    content = b""
    for _ in range(200):                              # attribute with a graph with a node with an attribute ...
        for key in (b"\x32", b"\x2a", b"\x0a"):
            content = key + _length(content) + content
    with pytest.raises(UnfitBundle, match="nested"):
        check_graph(b"\x3a" + _length(content) + content, "bundle")


def _length(content: bytes) -> bytes:
    number, encoded = len(content), bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded + bytes([number]))
