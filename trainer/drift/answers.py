"""What a model version says of texts, by the very graph that serves, and never of one text twice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.tables import ModelVersion
from registry.text import normalize, text_hash
from serving.predictor import Predictor
from serving.predictor.predictor import runs
from trainer.drift.observed import Observed
from trainer.encoders.cache import EmbeddingCache
from trainer.export.bundle import CPU, digest_in
from trainer.workplace import Report

CHUNK_TEXTS = 512                                     # kept together, so that an interruption loses less than this
OUTPUTS = ("probs", "novelty")
SHARED = "fp32"                                       # the precision whose graph embeds exactly as the encoder does


class CachedAnswers:
    """Answers of one version, cached by its digest and the text's hash.

    What was embedded for training is not embedded again: a version in full precision has
    the encoder's own body, so that they share a cache.
    """

    def __init__(self, version: ModelVersion, store: ArtifactStore, cache: Path, threads: int) -> None:
        self.predictor = Predictor.load(load_bundle(store, version.digest), CPU, threads)
        self.labels = self.predictor.labels
        self.cache = EmbeddingCache(cache, f"answers-{version.digest}")
        self.embeddings = _shared_embeddings(self.predictor, cache)

    def observe(self, texts: Sequence[str], sources: Sequence[str | None],
                report: Report = lambda _step, _done: None) -> Observed:
        """Return what is known of the texts, in their order; `report` may raise to interrupt."""
        hashes = hashes_of(texts)
        missing = self.missing(texts, hashes)
        for start in range(0, len(missing), CHUNK_TEXTS):
            report("answers", start / len(missing))
            self.keep(missing[start : start + CHUNK_TEXTS])
        found, n_labels = self.cache.get(hashes), len(self.labels)
        return Observed(list(texts), [source or "" for source in sources], found[:, : -n_labels - 1],
                        found[:, -n_labels - 1 : -1], found[:, -1])

    def missing(self, texts: Sequence[str], hashes: Sequence[bytes]) -> list[tuple[bytes, str]]:
        """Return the texts that are not answered yet, each once, with their hashes."""
        return list({hashes[row]: texts[row] for row in _absent(self.cache, hashes)}.items())

    def keep(self, chunk: Sequence[tuple[bytes, str]]) -> None:
        """Answer texts and keep what was said; what is kept is on disk when this returns."""
        self.cache.add([key for key, _ in chunk], self._answer(chunk))

    def _answer(self, chunk: Sequence[tuple[bytes, str]]) -> np.ndarray:
        """Return embedding, probabilities and novelty side by side, (n, d + C + 1)."""
        if self.embeddings is None:
            return computed(self.predictor, [text for _, text in chunk], ("embedding", *OUTPUTS))
        keys = [key for key, _ in chunk]
        absent = _absent(self.embeddings, keys)
        if absent:
            texts = [chunk[row][1] for row in absent]
            self.embeddings.add([keys[row] for row in absent], computed(self.predictor, texts, ("embedding",)))
        vectors = self.embeddings.get(keys)
        probs, novelty = self.predictor.session.run_head(OUTPUTS, vectors)
        return np.concatenate([vectors, probs, novelty[:, None]], axis=1)


def computed(predictor: Predictor, texts: list[str], outputs: Sequence[str]) -> np.ndarray:
    """Run the whole graph; return the outputs side by side, a row per text."""
    features = predictor.features([normalize(text) for text in texts])
    rows_done, answers = [], []
    for rows, batch in runs(features, predictor.features.inputs):
        found = predictor.session.run(list(outputs), batch)
        rows_done.append(rows)
        answers.append(np.concatenate([each.reshape(len(rows), -1) for each in found], axis=1))
    return np.concatenate(answers)[np.argsort(np.concatenate(rows_done))]


def _shared_embeddings(predictor: Predictor, cache: Path) -> EmbeddingCache | None:
    """Return the cache that training embeds into, None where the version's body is not the encoder's."""
    if predictor.facts.precision != SHARED or predictor.session.head is None:
        return None
    return EmbeddingCache(cache, digest_in(predictor.facts.encoder))


def _absent(cache: EmbeddingCache, hashes: Sequence[bytes]) -> list[int]:
    """Return which of the hashes the cache lacks, by their places."""
    is_absent = cache.positions(hashes).is_null().to_numpy(zero_copy_only=False)
    return [int(row) for row in np.flatnonzero(is_absent)]


def hashes_of(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text_hash(normalize(text))) for text in texts]
