"""Chunks of the bank: each distinct text is in exactly one, which its hash alone decides, whoever reads which file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from ingest.bank import DataBank
from trainer.errors import NotWatchable

CHUNK_TEXTS = 1_024                                   # about as many are worked on together: what an interruption loses
MAX_BITS = 31
COLUMNS = ["text", "text_hash", "at"]
ROWS = pa.schema([("text", pa.string()), ("text_hash", pa.string()), ("at", pa.timestamp("us", tz="UTC"))])
Report = Callable[[float], None]


class Work(Protocol):
    """What is done with each chunk of distinct texts; it must depend on nothing but the chunk."""

    def __call__(self, texts: pa.Table) -> pa.Table: ...


@dataclass(frozen=True)
class Done:
    """A chunk that was worked on: how many texts it has, and what was made of them."""

    n_texts: int
    result: pa.Table


@dataclass(frozen=True)
class BankTexts:
    """The texts of `task`, or of all tasks, in one bank version, cut into 2 ** `n_bits` chunks."""

    bank: DataBank
    task: str | None
    version: int
    n_rows: int
    n_bits: int

    @classmethod
    def of(cls, bank: DataBank, task: str | None) -> "BankTexts":
        """Pin the newest bank version; raises NotWatchable if it holds no text of the task."""
        version = bank.version
        n_rows = 0 if version is None else bank.n_texts(task, version=version)
        if version is None or not n_rows:
            told = "no text" if task is None else f"no text of task {task}"
            raise NotWatchable(f"the bank holds {told}", "`hypermatch ingest run` banks production text")
        return cls(bank, task, version, n_rows, bits_for(n_rows))

    def of_file(self, path: str) -> pa.Table:
        """Return the distinct texts of one file of this bank version."""
        return newest(self.bank.read_file(path, self.task, COLUMNS).cast(ROWS))

    def numbers(self, hashes: pa.ChunkedArray) -> np.ndarray:
        """Return the chunk of each text hash: its first bits."""
        return np.array([int(each[:8], 16) >> (32 - self.n_bits) for each in hashes.to_pylist()], np.int64)

    def distinct(self) -> pa.Table:
        """Return the bank's distinct texts in the order of their hashes, read in this process."""
        return self.bank.texts(self.task, version=self.version).select(COLUMNS).sort_by("text_hash")


def bits_for(n_rows: int) -> int:
    """Return how many bits of a hash number the chunks of `n_rows` texts."""
    return min(max((n_rows - 1) // CHUNK_TEXTS, 0).bit_length(), MAX_BITS)


def newest(rows: pa.Table) -> pa.Table:
    """Return one row per text hash, in their order, with the newest `at`: as the bank's own reader does."""
    ordered = rows.sort_by([("text_hash", "ascending"), ("at", "descending")])
    hashes = ordered["text_hash"].to_numpy(zero_copy_only=False)
    is_first = np.ones(len(hashes), bool)
    is_first[1:] = hashes[1:] != hashes[:-1]
    return ordered.filter(pa.array(is_first))


# Works on all chunks of the bank: `alone.in_this_process`, or a cluster's. The report hears the share that is done.
Run = Callable[[BankTexts, Callable[[], Work], Report], Iterator[Done]]
