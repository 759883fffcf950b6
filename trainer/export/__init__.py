"""Export: encoder and head as one ONNX graph, proved through the serving predictor, kept as a bundle."""
