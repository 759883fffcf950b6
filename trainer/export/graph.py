"""Joins an encoder's graph and a head into the graph that serving runs."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trainer.errors import ExportError
from trainer.export.novelty_graph import calibrated_nodes, distance_nodes
from trainer.learning.head import Head
from trainer.learning.novelty import Novelty

PREFIX = "hypermatch"                                 # of the names we add, so that they meet none of the body's


def attach_head(body: bytes, head: Head, novelty: Novelty | None = None) -> bytes:
    """Return features -> "probs" (B, C), "novelty" (B,) and "embedding" (B, d), all float32.

    The temperature is folded into the weights.
    """
    model = onnx.load_model_from_string(body)
    nodes, tensors = distance_nodes(head.prototypes) if novelty is None else calibrated_nodes(novelty)
    model.graph.initializer.extend(_tensors(head) + tensors)
    model.graph.node.extend(_nodes() + nodes)
    n_classes, n_dimensions = head.weight.shape
    del model.graph.output[:]
    model.graph.output.extend([
        helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["rows", n_classes]),
        helper.make_tensor_value_info("novelty", TensorProto.FLOAT, ["rows"]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["rows", n_dimensions]),
    ])
    return checked(model)


def checked(model: onnx.ModelProto) -> bytes:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"the exported graph is not valid ONNX: {str(error).splitlines()[0]}") from error
    return bytes(model.SerializeToString())


def opset_of(content: bytes) -> int:
    """Return the version of the standard operators."""
    imports = onnx.load_model_from_string(content).opset_import
    return next(int(each.version) for each in imports if each.domain in ("", "ai.onnx"))


def _tensors(head: Head) -> list[TensorProto]:
    named = {
        "weight": (head.weight / head.temperature).T,                                    # (d, C)
        "bias": head.bias / head.temperature,
    }
    return [numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), f"{PREFIX}.{name}")
            for name, value in named.items()]


def _nodes() -> list[onnx.NodeProto]:
    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [output], name=f"{PREFIX}/{kind}/{output}", **attributes)

    return [
        node("MatMul", ["embedding", f"{PREFIX}.weight"], f"{PREFIX}.scores"),
        node("Add", [f"{PREFIX}.scores", f"{PREFIX}.bias"], f"{PREFIX}.logits"),
        node("Softmax", [f"{PREFIX}.logits"], "probs", axis=-1),
    ]
