"""Fine-tuning: the encoder itself learns from labels and the bank, end to end, on a GPU or, patiently, on a CPU."""
