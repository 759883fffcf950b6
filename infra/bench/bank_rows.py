"""Synthetic rows of a bank, seeded, and the processes of its benchmark: one appends, others do upkeep."""

import json
import select
import sys
import time
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.bench.ingest import TEXTS
from infra.bench.ingest_rounds import own_peak_mib
from ingest.bank import DataBank
from ingest.normalization import hash_all
from ingest.prepare import same, table

TASK = "bench"
COMMIT_ROWS = 20_000                                  # what ingest banks at once by default
SPACING = timedelta(microseconds=50_000)              # of neighbors: a day's rows are dated over hours, in order
REPEATED_RATIO = 0.001                                # rows that another writer of the same day banked as well


class Maker:
    """Makes commits of one partition, one after another: short texts, all different but for a few repeated ones."""

    def __init__(self, partition: int, seed: int) -> None:
        self.partition, self.n_rows, self.draw = partition, 0, np.random.default_rng(seed)
        self.words = pa.array(sorted(set(pq.read_table(TEXTS, columns=["text"])["text"].to_pylist())))
        self.earlier: tuple[date, pa.Array] | None = None

    def commit(self, now: datetime, n: int = COMMIT_ROWS) -> tuple[pa.Table, dict[tuple[str, int], int]]:
        """Return the next rows, dated from `now` on, and the offsets to bank them with."""
        numbers = np.arange(self.n_rows, self.n_rows + n)
        starts = pc.utf8_slice_codeunits(self.words.take(pa.array(self.draw.integers(0, len(self.words), n))), 0, 40)
        texts = pc.binary_join_element_wise(starts, pa.array([f"{self.partition} {number}" for number in numbers]), " ")
        texts = self._repeating(texts, now.date())
        at = np.datetime64(now.replace(tzinfo=None), "us") + numbers % 1_000_000 * np.timedelta64(SPACING)
        nothing, self.n_rows = pa.nulls(n), self.n_rows + n
        rows = table({
            "id": pc.cast(pa.array(numbers), pa.string()), "text": texts, "text_hash": hash_all(texts),
            "task": same(TASK, n), "source": same("bench", n), "subject": nothing,
            "at": pa.array(at).cast(pa.timestamp("us", tz="UTC")), "kind": same("text", n), "label": nothing,
            "confidence": nothing, "novelty": nothing, "model_version": nothing, "label_space": nothing,
            "topic": same("bench", n), "partition": same(self.partition, n), "offset": pa.array(numbers)}, now)
        return rows, {("bench", self.partition): self.n_rows}

    def _repeating(self, texts: pa.Array, day: date) -> pa.Array:
        """Put a few texts of the day's commit before in the place of as many of these."""
        n_repeated, before = int(len(texts) * REPEATED_RATIO), self.earlier
        self.earlier = day, texts[-n_repeated:]
        if before is None or before[0] != day:
            return texts
        return pa.concat_arrays([before[1], texts[n_repeated:]])


def append(url: str, rate: int) -> None:
    """Append today's rows at `rate` a second until nobody listens, telling after each commit how many and how long."""
    bank, maker, begun = DataBank(url), Maker(1, seed=1), time.perf_counter()
    while not select.select([sys.stdin], [], [], max(begun + maker.n_rows / rate - time.perf_counter(), 0))[0]:
        made, at = maker.commit(datetime.now(UTC)), time.perf_counter()
        bank.append(*made)
        print(maker.n_rows, time.perf_counter() - at, flush=True)


def compact(url: str, _: int) -> dict[str, int]:
    done = DataBank(url).compact()
    return asdict(done)


def retain(url: str, days: int) -> dict[str, int]:
    done = DataBank(url).retain(datetime.now(UTC).date() - timedelta(days=days))
    return asdict(done)


def vacuum(url: str, _: int) -> dict[str, int]:
    return {"n_files": DataBank(url).vacuum(timedelta(0))}


def timed(name: str, url: str, days: int) -> None:
    begun = time.perf_counter()
    done = {"compact": compact, "retain": retain, "vacuum": vacuum}[name](url, days)
    seconds, peak = round(time.perf_counter() - begun, 2), round(own_peak_mib())
    print(json.dumps({"seconds": seconds, "peak_memory_mib": peak, **done}))


if __name__ == "__main__":
    kind, place, age = sys.argv[1], sys.argv[2], int(sys.argv[3])
    append(place, age) if kind == "append" else timed(kind, place, age)
