"""Encoders: texts to unit vectors, by `minilm`, `subword` or any transformer."""
