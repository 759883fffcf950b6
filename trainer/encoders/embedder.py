"""Embeds texts with ONNX Runtime: short with short, long with long, and never one text twice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession

from registry.text import normalize, text_hash
from serving.predictor import NgramFeatures, TokenFeatures
from trainer.encoders.bodies import body_of, open_body
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.encoder import FEATURES, Encoder

BATCH_NUMBERS = 2_048                                 # ids per run, padding included: what fits a core's cache
MAX_BATCH_ROWS = 64
CHUNK_TEXTS = 512                                     # kept together, so that an interruption loses less than this

Arrays = dict[str, np.ndarray]
Report = Callable[[float], None]


class Embedder:
    """`texts -> (n, d)` float32 of length 1, in the order of `texts`; what the cache holds is not embedded again."""

    def __init__(self, encoder: Encoder, body: bytes, cache: EmbeddingCache, threads: int = 0) -> None:
        self.encoder, self.cache = encoder, cache
        self.session = open_body(body, threads)

    @classmethod
    def of(cls, encoder: Encoder, cache: Path, threads: int = 0) -> "Embedder":
        """Open an encoder with what the folder `cache` keeps of it: its graph, and the texts embedded before."""
        return cls(encoder, body_of(encoder, cache), EmbeddingCache(cache, encoder.digest), threads)

    def embed(self, texts: Sequence[str], report: Report = lambda _done: None) -> np.ndarray:
        """Embed; `report` hears the share that is done and may raise to interrupt: what was embedded is kept."""
        normalized = [normalize(text) for text in texts]
        hashes = [bytes.fromhex(text_hash(text)) for text in normalized]
        missing = self._missing(normalized, hashes)
        for start in range(0, len(missing), CHUNK_TEXTS):
            report(1 - (len(missing) - start) / max(len(texts), 1))
            chunk = missing[start : start + CHUNK_TEXTS]
            self.cache.add([key for key, _ in chunk], self.compute([text for _, text in chunk]))
        report(1.0)
        return self.cache.get(hashes)

    def compute(self, texts: Sequence[str]) -> np.ndarray:
        """Embed without the cache."""
        return compute(self.session, self.encoder.featurize, texts)

    def _missing(self, texts: list[str], hashes: list[bytes]) -> list[tuple[bytes, str]]:
        """Return what the cache lacks, each text once, the long ones first: the time left is never underestimated."""
        is_missing = self.cache.positions(hashes).is_null().to_numpy(zero_copy_only=False)
        missing = {hashes[index]: texts[index] for index in np.flatnonzero(is_missing)}
        return sorted(missing.items(), key=lambda item: len(item[1]), reverse=True)


@dataclass(frozen=True)
class Exported:
    """An encoder as bytes: all that a process elsewhere needs to embed as this one does."""

    features: str
    features_file: bytes
    body: bytes

    @classmethod
    def of(cls, encoder: Encoder, cache: Path) -> "Exported":
        return cls(encoder.features, encoder.features_file, body_of(encoder, cache))

    def open(self, threads: int) -> Callable[[Sequence[str]], np.ndarray]:
        """Return what embeds normalized texts."""
        session, featurize = open_body(self.body, threads), FEATURES[self.features](self.features_file)
        return lambda texts: compute(session, featurize, texts)


def compute(session: InferenceSession, featurize: TokenFeatures | NgramFeatures, texts: Sequence[str]) -> np.ndarray:
    """Return the (n, d) vectors of normalized texts."""
    features = featurize(list(texts))
    vectors: np.ndarray | None = None
    for rows, batch in batches(features, featurize.inputs):
        found = session.run(["embedding"], batch)[0]
        vectors = np.empty((len(texts), found.shape[1]), np.float32) if vectors is None else vectors
        vectors[rows] = found
    return np.empty((0, session.get_outputs()[0].shape[1]), np.float32) if vectors is None else vectors


def batches(features: Arrays, inputs: Sequence[str]) -> Iterator[tuple[np.ndarray, Arrays]]:
    """Yield batches of similar length, each with the rows it holds."""
    lengths = np.maximum(np.count_nonzero(features[inputs[-1]], axis=1), 1)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = int(lengths[order[start]])
        rows = order[start : start + min(max(BATCH_NUMBERS // width, 1), MAX_BATCH_ROWS)]
        yield rows, {name: np.ascontiguousarray(features[name][rows, :width]) for name in inputs}
        start += len(rows)
