"""What is kept of each file of the bank, so that a look costs commits, not rows: counts of all rows, and a sample."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.bank import DataBank
from ingest.bank.commits import DataFile
from trainer.drift.counts import Counts, count
from trainer.files import write_whole

COLUMNS = ["text", "text_hash", "source", "at", "banked_at"]
STRETCH_TEXTS = 1_000
RUN_TEXTS = 20                                        # neighbors that are sampled together, as blocks are tested
N_RUNS = 25


@dataclass(frozen=True)
class Banked:
    """A text of the sample, when it was banked and from where; `hash` is that of the text."""

    text: str
    hash: str
    source: str
    banked_at: datetime


@dataclass(frozen=True)
class Stretch:
    """Up to STRETCH_TEXTS neighboring texts: counts of all, and a seeded sample of runs of neighbors, oldest first."""

    begun_at: datetime
    ended_at: datetime
    counts: Counts
    sample: list[Banked]


class Stretches:
    """The stretches of one task. Each file of the bank is read once, ever.

    What compaction rewrote or forgetting erased is gone from here as soon as `clear` hears of
    it: only texts of files that the bank holds now are kept.
    """

    def __init__(self, bank: DataBank, cache: Path, task: str) -> None:
        self.bank, self.task = bank, task
        self.folder = folder_of(cache) / task

    def of(self, file: DataFile) -> list[Stretch]:
        """Return a file's stretches, oldest first; raises FileNotFoundError if the bank no longer has it."""
        path = self.folder / f"{_name(file)}.json"
        try:
            return [_stretch(each) for each in json.loads(path.read_text(encoding="utf-8"))]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            found = stretches(self.bank.read_file(file.path, self.task, COLUMNS), seed=_name(file))
            write_whole(path, json.dumps([_dict(each) for each in found], ensure_ascii=False).encode())
            return found

    def clear(self, files: list[DataFile]) -> None:
        """Delete what is kept of files other than these."""
        known = {f"{_name(file)}.json" for file in files}
        for path in self.folder.glob("*.json"):
            if path.name not in known:
                path.unlink(missing_ok=True)


def folder_of(cache: Path) -> Path:
    return cache / "stretches"


def forget_all(cache: Path) -> None:
    """Delete the samples of all tasks, which hold texts; the next looks take others."""
    shutil.rmtree(folder_of(cache), ignore_errors=True)


def stretches(rows: pa.Table, seed: str) -> list[Stretch]:
    """Cut rows into stretches in the order they were banked."""
    ordered = rows.sort_by([("banked_at", "ascending"), ("at", "ascending"), ("text_hash", "ascending")])
    return [_cut(ordered[begin : begin + STRETCH_TEXTS], f"{seed} {begin}")
            for begin in range(0, len(ordered), STRETCH_TEXTS)]


def sampled(n: int, seed: str) -> np.ndarray:
    """Return the rows of N_RUNS runs of neighbors out of n, all rows if there are no more; the seed decides."""
    if n <= N_RUNS * RUN_TEXTS:
        return np.arange(n)
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    runs = np.sort(np.random.default_rng(number).permutation(n // RUN_TEXTS)[:N_RUNS])
    return (runs[:, None] * RUN_TEXTS + np.arange(RUN_TEXTS)).reshape(-1)


def _cut(rows: pa.Table, seed: str) -> Stretch:
    counts = count(rows["text"].combine_chunks(), rows["source"].combine_chunks())
    kept = rows.take(pa.array(sampled(len(rows), seed))).to_pylist()
    sample = [Banked(row["text"], row["text_hash"], row["source"] or "", row["banked_at"].astimezone(UTC))
              for row in kept]
    begun_at, ended_at = (rows["banked_at"][row].as_py().astimezone(UTC) for row in (0, len(rows) - 1))
    return Stretch(begun_at, ended_at, counts, sample)


def _name(file: DataFile) -> str:
    return hashlib.sha256(file.path.encode()).hexdigest()[:32]


def _dict(stretch: Stretch) -> dict[str, Any]:
    return {"begun_at": stretch.begun_at.isoformat(), "ended_at": stretch.ended_at.isoformat(),
            "counts": asdict(stretch.counts),
            "sample": [[each.text, each.hash, each.source, each.banked_at.isoformat()] for each in stretch.sample]}


def _stretch(told: dict[str, Any]) -> Stretch:
    sample = [Banked(text, key, source, datetime.fromisoformat(at)) for text, key, source, at in told["sample"]]
    begun_at, ended_at = (datetime.fromisoformat(told[name]) for name in ("begun_at", "ended_at"))
    return Stretch(begun_at, ended_at, Counts(**told["counts"]), sample)
