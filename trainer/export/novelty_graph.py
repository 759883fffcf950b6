"""Novelty as part of the served graph: calibrated where labels were held out for it, else a bare distance."""

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from trainer.learning.novelty import Novelty

PREFIX = "hypermatch.novelty"


def distance_nodes(prototypes: np.ndarray) -> tuple[list[NodeProto], list[TensorProto]]:
    """Compute 1 - the largest cosine to a prototype (K, d): vectors and prototypes have length 1."""
    tensors = {"prototypes": prototypes.T, "one": np.ones(())}
    return [
        _node("MatMul", ["embedding", "prototypes"], "similarities"),
        _node("ReduceMax", ["similarities"], "nearest", axes=[-1], keepdims=0),
        helper.make_node("Sub", [f"{PREFIX}.one", f"{PREFIX}.nearest"], ["novelty"], name=f"{PREFIX}/Sub/novelty"),
    ], _tensors(tensors)


def calibrated_nodes(novelty: Novelty) -> tuple[list[NodeProto], list[TensorProto]]:
    """Compute both signals, weigh them, and interpolate the share of known texts between the knots.

    Between two knots the share rises by `rises * clip((score - knot) / width, 0, 1)`; their sum is
    the interpolation, without a branch.
    """
    signals, widths = novelty.signals, np.diff(novelty.knots)
    n_nearest = min(signals.n_nearest, len(signals.examples))
    tensors = {
        "examples": signals.examples.T, "weight": signals.linear[:, :-1].T, "bias": signals.linear[:, -1],
        "slope_nearest": np.array(novelty.slopes[0]), "slope_logit": np.array(novelty.slopes[1]),
        "knots": novelty.knots[:-1], "per_width": 1 / widths, "rises": np.diff(novelty.shares)[:, None],
        "first": np.array([novelty.shares[0]]), "zero": np.zeros(()), "one": np.ones(()),
    }
    nodes = [
        _node("MatMul", ["embedding", "examples"], "cosines"),
        helper.make_node("TopK", [f"{PREFIX}.cosines", f"{PREFIX}.n_nearest"], [f"{PREFIX}.top", f"{PREFIX}.which"],
                         name=f"{PREFIX}/TopK", axis=-1),
        _node("ReduceMean", ["top"], "nearest", axes=[-1], keepdims=1),                      # (B, 1)
        _node("MatMul", ["embedding", "weight"], "products"),
        _node("Add", ["products", "bias"], "logits"),
        _node("ReduceMax", ["logits"], "largest", axes=[-1], keepdims=1),
        _node("Mul", ["nearest", "slope_nearest"], "from_nearest"),
        _node("Mul", ["largest", "slope_logit"], "from_logit"),
        _node("Add", ["from_nearest", "from_logit"], "score"),
        _node("Sub", ["score", "knots"], "beyond"),                                          # (B, m - 1)
        _node("Mul", ["beyond", "per_width"], "passed"),
        _node("Clip", ["passed", "zero", "one"], "parts"),
        _node("MatMul", ["parts", "rises"], "risen"),                                        # (B, 1)
        _node("Add", ["risen", "first"], "share"),
        helper.make_node("Squeeze", [f"{PREFIX}.share", f"{PREFIX}.last_axis"], ["novelty"],
                         name=f"{PREFIX}/Squeeze/novelty"),
    ]
    whole = {"n_nearest": [n_nearest], "last_axis": [-1]}
    return nodes, _tensors(tensors) + [numpy_helper.from_array(np.array(value, np.int64), f"{PREFIX}.{name}")
                                       for name, value in whole.items()]


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    named = [each if each == "embedding" else f"{PREFIX}.{each}" for each in inputs]
    return helper.make_node(kind, named, [f"{PREFIX}.{output}"], name=f"{PREFIX}/{kind}/{output}", **attributes)


def _tensors(values: dict[str, np.ndarray]) -> list[TensorProto]:
    return [numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), f"{PREFIX}.{name}")
            for name, value in values.items()]
