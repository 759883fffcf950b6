"""Embeds every text of the bank into the cache where all else finds it; what is there is not embedded again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from registry.text import normalize, text_hash
from trainer.encoders.cache import HASH, folder_of, write_segment
from trainer.encoders.embedder import Exported
from trainer.encoders.encoder import Encoder
from trainer.whole_bank.chunks import BankTexts, Report, Run
from trainer.whole_bank.known import KnownVectors

SEGMENT_ROWS = 8_192                                  # kept together: what an interruption loses at most


@dataclass(frozen=True)
class EmbedWork:
    """Embeds the texts of a chunk whose vectors are not known: key, vector."""

    compute: Callable[[list[str]], np.ndarray]
    known: KnownVectors

    def __call__(self, texts: pa.Table) -> pa.Table:
        wanted = keyed(texts["text"].to_pylist())
        is_known = self.known.has(list(wanted))
        missing = [key for key, is_there in zip(wanted, is_known, strict=True) if not is_there]
        vectors = self.compute([wanted[key] for key in missing]) if missing else np.empty((0, 1), np.float32)
        return segment(missing, vectors)


@dataclass(frozen=True)
class Embedded:
    """What came of embedding a bank."""

    n_texts: int
    n_embedded: int
    bank_version: int

    def __str__(self) -> str:
        return (f"{self.n_embedded:,} of {self.n_texts:,} texts of bank version {self.bank_version} embedded, "
                f"{self.n_texts - self.n_embedded:,} were known")


def embed_bank(texts: BankTexts, encoder: Encoder, cache: Path, run: Run, threads: int, report: Report) -> Embedded:
    """Embed the distinct texts that the cache lacks; `report` may raise to interrupt, and the next call goes on.

    The vectors are the same to the bit however many processes work on it, and in which
    order: texts are embedded with those of their chunk.
    """
    folder, n_texts, n_embedded = folder_of(cache, encoder.digest), 0, 0
    make = partial(embed_work, Exported.of(encoder, cache), KnownVectors.of(folder), threads)
    waiting: list[pa.Table] = []
    try:
        for done in run(texts, make, report):
            n_texts, n_embedded = n_texts + done.n_texts, n_embedded + len(done.result)
            if len(done.result):
                waiting.append(done.result)
            if sum(map(len, waiting)) >= SEGMENT_ROWS:
                _keep(folder, waiting)
                waiting = []
    finally:
        _keep(folder, waiting)
    return Embedded(n_texts, n_embedded, texts.version)


def embed_work(exported: Exported, known: KnownVectors, threads: int) -> EmbedWork:
    return EmbedWork(exported.open(threads), known)


def keyed(texts: list[str]) -> dict[bytes, str]:
    """Return normalized texts by the keys that caches know them by."""
    return {bytes.fromhex(text_hash(text)): text for text in map(normalize, texts)}


def segment(keys: list[bytes], vectors: np.ndarray) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    return pa.table({"key": pa.array(keys, HASH), "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})


def _keep(folder: Path, found: list[pa.Table]) -> None:
    """Write what came of some chunks as one file."""
    if found:
        whole = pa.concat_tables(found)
        vectors = whole["vector"].combine_chunks()
        write_segment(folder, whole["key"].to_pylist(),
                      vectors.flatten().to_numpy().reshape(len(whole), vectors.type.list_size))
