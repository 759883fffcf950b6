"""ONNX Runtime behind BentoML: greedy batches, hot swap, Open Inference Protocol."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")   # ONNX Runtime would report its use to its makers
