"""The bundle's model as a plain program would run it: tokenize a batch, run it, take the best label of each text."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

FOLDER, THREADS, WORKERS, PORT = "PEER_FOLDER", "PEER_THREADS", "PEER_WORKERS", "PEER_PORT"      # of the environment
# Padding to the longest text makes large batches of mixed lengths slow: of 4, 8 and 32 the peers answered 49 to 53,
# 44 to 46 and 34 to 35 mixed texts/s on one core, and 84 to 112, 116 to 119 and 119 to 130 of 32 tokens each.
MAX_BATCH_TEXTS = 8


class PlainModel:
    """Model, tokenizer and labels from one folder; a batch is padded to its longest text."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.labels: list[str] = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        padding = self.tokenizer.padding or {}
        self.tokenizer.enable_padding(pad_id=padding.get("pad_id", 0), pad_token=padding.get("pad_token", "[PAD]"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options,
                                                    providers=["CPUExecutionProvider"])

    @classmethod
    def of_environment(cls) -> "PlainModel":
        return cls(Path(os.environ[FOLDER]), int(os.environ[THREADS]))

    def answers(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return label and confidence of each text, in order; no more texts run at once than a batch has."""
        return [answer for start in range(0, len(texts), MAX_BATCH_TEXTS)
                for answer in self._run(texts[start:start + MAX_BATCH_TEXTS])]

    def _run(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        encodings = self.tokenizer.encode_batch(list(texts))
        inputs = {"input_ids": np.array([each.ids for each in encodings], dtype=np.int64),
                  "attention_mask": np.array([each.attention_mask for each in encodings], dtype=np.int64)}
        probs, _ = self.session.run(["probs", "novelty"], inputs)
        return [{"label": self.labels[best], "confidence": float(row[best])}
                for row, best in zip(probs, probs.argmax(axis=1), strict=True)]
