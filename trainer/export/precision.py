"""Narrows an encoder's graph: int8 for a CPU, fp16 for a GPU; the head stays float32."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from trainer.encoders.bodies import body_of, cached
from trainer.encoders.encoder import Encoder


def narrowed_body(encoder: Encoder, precision: str, cache: Path) -> bytes:
    """Return the encoder's graph in `precision`, from the cache or narrowed now."""
    if precision == "fp32":
        return body_of(encoder, cache)
    path = cache / "bodies" / f"{encoder.digest}-{precision}.onnx"
    return cached(path, lambda: _NARROW[precision](body_of(encoder, cache)))


def to_int8(body: bytes) -> bytes:
    """Quantize weights; activations are quantized as they come (dynamic).

    7 of 8 bits are used: processors without VNNI add pairs of products in 16 bits and
    would clip, so that a bundle's answers would depend on where it is served.
    """
    with tempfile.TemporaryDirectory() as folder:     # the quantizer writes files only
        source, target = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(body)
        quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                         op_types_to_quantize=["MatMul", "Gather"])
        return target.read_bytes()


def to_fp16(body: bytes) -> bytes:
    """Halve every float but the graph's own inputs and outputs."""
    model = convert_float_to_float16(onnx.load_model_from_string(body), keep_io_types=True)
    return bytes(model.SerializeToString())


_NARROW: dict[str, Callable[[bytes], bytes]] = {"int8": to_int8, "fp16": to_fp16}
