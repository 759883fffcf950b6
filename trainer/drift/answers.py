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
from trainer.export.bundle import CPU
from trainer.workplace import Report

CHUNK_TEXTS = 512                                     # kept together, so that an interruption loses less than this
OUTPUTS = ("embedding", "probs", "novelty")


class CachedAnswers:
    """Answers of one version, cached by its digest and the text's hash."""

    def __init__(self, version: ModelVersion, store: ArtifactStore, cache: Path, threads: int) -> None:
        self.predictor = Predictor.load(load_bundle(store, version.digest), CPU, threads)
        self.labels = self.predictor.labels
        self.cache = EmbeddingCache(cache, f"answers-{version.digest}")

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
        is_missing = self.cache.positions(hashes).is_null().to_numpy(zero_copy_only=False)
        return list({hashes[row]: texts[row] for row in np.flatnonzero(is_missing).tolist()}.items())

    def keep(self, chunk: Sequence[tuple[bytes, str]]) -> None:
        """Answer texts and keep what was said; what is kept is on disk when this returns."""
        self.cache.add([key for key, _ in chunk], self._answer([text for _, text in chunk]))

    def _answer(self, texts: list[str]) -> np.ndarray:
        """Return embedding, probabilities and novelty side by side, (n, d + C + 1)."""
        features = self.predictor.features([normalize(text) for text in texts])
        rows_done, answers = [], []
        for rows, batch in runs(features, self.predictor.features.inputs):
            embedding, probs, novelty = self.predictor.session.run(list(OUTPUTS), batch)
            rows_done.append(rows)
            answers.append(np.concatenate([embedding, probs, novelty[:, None]], axis=1))
        return np.concatenate(answers)[np.argsort(np.concatenate(rows_done))]


def hashes_of(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text_hash(normalize(text))) for text in texts]
