"""Learns models from labels and traffic, proves them, and proposes them for approval."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")   # ONNX Runtime would report its use to its makers
