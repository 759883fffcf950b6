"""The `hypermatch` command and what starts and joins the processes."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")   # ONNX Runtime would report its use to its makers
