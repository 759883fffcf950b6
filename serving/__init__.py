"""ONNX Runtime behind BentoML: greedy batches, hot swap, Open Inference Protocol."""
