"""Exact duplicates: what makes two rows the same, and which rows were seen today."""

from datetime import date
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.strings import borders, in_one_piece

RUN_RATIO = 4                                  # runs merge once the newer is a quarter of the older


def keys(rows: pa.Table) -> np.ndarray:
    """Return 128 bits per row, (n, 2) uint64: the text, kind and source; of a prediction also task and version."""
    _, hashes = borders(in_one_piece(rows["text_hash"]))
    found = np.frombuffer(bytes.fromhex(hashes.decode()), dtype=np.uint64).reshape(-1, 2)
    return found ^ salts(rows)


def salts(rows: pa.Table) -> np.ndarray:
    """Return 128 bits per row for what besides the text tells rows apart; few distinct values, so hashed once each."""
    which, known = distinct(rows.select(["kind", "source", "task", "model_version"]))
    salted = b"".join(blake2b(repr(tells_apart(*what)).encode(), digest_size=16).digest() for what in known)
    return np.frombuffer(salted, dtype=np.uint64).reshape(-1, 2)[which]


def tells_apart(kind: str, source: str | None, task: str | None, version: int | None) -> tuple[object, ...]:
    return (kind, source, task, version) if kind == "prediction" else (kind, source)


def distinct(rows: pa.Table) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """Return the distinct rows, and for each row which of them it is."""
    code = np.zeros(len(rows), dtype=np.int64)
    for column in rows.columns:
        encoded = in_one_piece(column).dictionary_encode(null_encoding="encode")
        code = np.unique(code * len(encoded.dictionary) + np.asarray(encoded.indices), return_inverse=True)[1]
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    return which, list(zip(*(column.to_pylist() for column in rows.take(pa.array(first)).columns), strict=True))


class SeenTexts:
    """The keys of one day's rows: sorted runs that merge as they grow, at most `limit` keys of 16 bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.day: date | None = None
        self.runs: list[np.ndarray] = []

    def start(self, day: date, banked: np.ndarray) -> None:
        """Begin `day` with the keys that the bank holds of it."""
        self.day, self.runs = day, []
        self.add(banked)

    def fresh(self, found: np.ndarray) -> np.ndarray:
        """Return which of `found` are seen here for the first time, (n,) bool; of equals among them the first."""
        order = np.lexsort((found[:, 1], found[:, 0]))      # stable: of equals the first comes first
        ordered = found[order]                 # neighbors in memory are looked up after each other: half the time
        is_fresh = np.ones(len(found), dtype=bool)
        is_fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        for run in self.runs:
            is_fresh &= ~contains(run, ordered)
        unordered = np.empty_like(is_fresh)
        unordered[order] = is_fresh
        return unordered

    def add(self, found: np.ndarray) -> None:
        """Remember `found`; beyond the limit the oldest runs are forgotten."""
        if len(found):
            self.runs.append(in_order(found))
        while len(self.runs) > 1 and len(self.runs[-1]) * RUN_RATIO >= len(self.runs[-2]) and self.may_merge():
            newer, older = self.runs.pop(), self.runs.pop()
            self.runs.append(in_order(np.concatenate([older, newer])))
        while sum(map(len, self.runs)) > self.limit and len(self.runs) > 1:
            self.runs.pop(0)

    def may_merge(self) -> bool:
        """Forgetting takes whole runs, so none grows beyond half of the limit."""
        return len(self.runs[-1]) + len(self.runs[-2]) <= self.limit // 2


def in_order(found: np.ndarray) -> np.ndarray:
    return found[np.argsort(found[:, 0], kind="stable")]


def contains(run: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Say of each key whether the sorted `run` holds it; neighbors with equal first words are all compared."""
    is_there = np.zeros(len(found), dtype=bool)
    begin = np.searchsorted(run[:, 0], found[:, 0], side="left")
    waiting = np.arange(len(found))
    while len(waiting):
        waiting = waiting[begin[waiting] < len(run)]
        waiting = waiting[run[begin[waiting], 0] == found[waiting, 0]]
        is_there[waiting] |= run[begin[waiting], 1] == found[waiting, 1]
        waiting = waiting[~is_there[waiting]]
        begin[waiting] += 1
    return is_there
