"""An encoder as ONNX: exported once per digest, proved against torch, and kept."""

import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn

from trainer.encoders.encoder import Encoder
from trainer.errors import ExportError
from trainer.files import write_whole

OPSET = 17
PARITY = 1e-4                                         # of a unit vector's component; MiniLM shows 3e-7
PROOF_TEXTS = ["a", "How do I get my money back?", "안녕하세요, 반갑습니다", "x " * 60, "naïve café 🙂", ""]


def body_of(encoder: Encoder, cache: Path) -> bytes:
    """Return the encoder's ONNX graph, features -> "embedding" (B, d), from the cache or exported now."""
    return cached(cache / "bodies" / f"{encoder.digest}.onnx", lambda: export_body(encoder))


def cached(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what `path` holds, or make it and keep it there."""
    if not path.exists():
        write_whole(path, make())
    return path.read_bytes()


def export_body(encoder: Encoder) -> bytes:
    """Export the module; raises ExportError unless ONNX Runtime answers as torch does."""
    module = encoder.build()
    content = _export(module, encoder)
    difference = _difference(module, encoder, content)
    if not difference <= PARITY:
        raise ExportError(f"the ONNX export of {encoder.name} differs from torch by {difference:.2g}, "
                          f"allowed is {PARITY}", "this encoder cannot be served")
    return content


def open_body(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a body for embedding on the CPU; `threads` 0 is one per core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _export(module: nn.Module, encoder: Encoder) -> bytes:
    inputs = encoder.featurize(PROOF_TEXTS[:3])
    names = list(encoder.featurize.inputs)
    axes = {name: {0: "rows", 1: "columns"} for name in names} | {"embedding": {0: "rows"}}
    stream: Any = io.BytesIO()                        # torch takes a stream but its annotation forgot
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")               # the tracer warns of every Python comparison
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(module, tuple(torch.from_numpy(inputs[name]) for name in names), stream,
                          input_names=names, output_names=["embedding"], dynamic_axes=axes, opset_version=OPSET,
                          dynamo=False)
    return stream.getvalue()


def _difference(module: nn.Module, encoder: Encoder, content: bytes) -> float:
    features = encoder.featurize(PROOF_TEXTS)
    with torch.no_grad():
        expected = module(*(torch.from_numpy(features[name]) for name in encoder.featurize.inputs)).numpy()
    found = open_body(content, threads=1).run(["embedding"], features)[0]
    return float(np.abs(expected - found).max())
