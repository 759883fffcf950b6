"""Weights between the champion's head and the new one: fewer right answers turn wrong (BCWI, arXiv 2301.10546)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper

from registry.artifacts.bundle import Bundle
from trainer.export.graph import PREFIX
from trainer.learning.head import Head


def interpolated(head: Head, labels: Sequence[str], encoder: str, champion: Bundle, share: float) -> Head:
    """Return `head` with `share` of the champion's weights for each label that both know.

    Unchanged if the champion stands on another encoder: its weights would mean nothing here.
    """
    if share == 0 or champion.facts.encoder != encoder:
        return head
    weight, bias = _weights_of(champion)                                # (C_old, d), (C_old,), temperature folded in
    mixed_weight, mixed_bias = head.weight / head.temperature, head.bias / head.temperature
    numbers = {label: number for number, label in enumerate(champion.labels)}
    for row, label in enumerate(labels):
        if label in numbers:
            old = numbers[label]
            mixed_weight[row] = (1 - share) * mixed_weight[row] + share * weight[old]
            mixed_bias[row] = (1 - share) * mixed_bias[row] + share * bias[old]
    return replace(head, weight=mixed_weight.astype(np.float32), bias=mixed_bias.astype(np.float32), temperature=1.0,
                   facts=head.facts | {"champion_share": share})


def _weights_of(bundle: Bundle) -> tuple[np.ndarray, np.ndarray]:
    tensors = {each.name: each for each in onnx.load_model_from_string(bundle.model).graph.initializer}
    weight, bias = (numpy_helper.to_array(tensors[f"{PREFIX}.{name}"]) for name in ("weight", "bias"))
    return weight.T, bias
