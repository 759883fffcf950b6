"""Measures upkeep of a large bank while rows are being appended, and what reading one window costs as it grows."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

from tqdm import tqdm

from infra.bench.bank_rows import COMMIT_ROWS, REPEATED_RATIO, TASK, Maker
from ingest.bank import DataBank
from registry.errors import HyperMatchError

N_DAYS = 30
RETAINED_DAYS = 20
SMALL_SHARE = 0.1                                     # of the rows: the bank that windows are read from first
N_READS = 5
PATIENCE_SECONDS = 600.0

Progress = tuple[float, int]                          # when, and how many rows the writer had appended by then


def measure(rows: int, window: int, seconds: float) -> dict[str, Any]:
    """Return seconds and peak memory of each step, what an unthrottled writer reached before and during, and reads."""
    with tempfile.TemporaryDirectory() as folder, tqdm(total=rows, unit=" rows", unit_scale=True, disable=None) as bar:
        url = f"{folder}/bank"
        reads = fill(url, rows, window, bar)
        with appending(url) as progress:
            alone = rate_while(progress, lambda: time.sleep(seconds))[0]
            steps = {name: step(progress, name, url, bar) for name in ("compact", "retain", "vacuum")}
        reads["compacted"] = read_seconds(DataBank(url), window)
        found = DataBank(url)
        left = {"rows": sum(file.n_rows for file in found.files()), "files": len(found.files())}
    return {"rows": rows, "days": N_DAYS, "repeated_ratio": REPEATED_RATIO, "commit_rows": COMMIT_ROWS,
            "append_rows_per_second": round(alone), "steps": {name: told | {
                "append_ratio": round(told["append_rows_per_second"] / alone, 3)} for name, told in steps.items()},
            "window_texts": window, "window_seconds": {name: round(each, 4) for name, each in reads.items()},
            "window_ratio": round(reads["all"] / reads["small"], 2), "left": left}


def fill(url: str, rows: int, window: int, bar: tqdm) -> dict[str, float]:
    """Append seeded rows over the last days, and read a window when a tenth is there and when all are."""
    bank, maker, found = DataBank(url), Maker(0, seed=0), {}
    today = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
    while maker.n_rows < rows:
        day = today - timedelta(days=N_DAYS - 1 - maker.n_rows * N_DAYS // rows)
        part, offsets = maker.commit(day)
        bank.append(part, offsets)
        bar.update(len(part))
        if "small" not in found and maker.n_rows >= SMALL_SHARE * rows:
            found["small"] = read_seconds(bank, window)
    return found | {"all": read_seconds(bank, window)}


def read_seconds(bank: DataBank, window: int) -> float:
    """Return the median seconds of reading the newest texts, the bank opened anew each time."""
    took = []
    for _ in range(N_READS):
        begun = time.perf_counter()
        n_found = bank.texts(TASK, limit=window).num_rows
        took.append(time.perf_counter() - begun)
        if n_found < window:
            raise HyperMatchError(f"a window of {window} texts was asked of {n_found}", "ask for a smaller --window")
    return statistics.median(took)


def step(progress: list[Progress], name: str, url: str, bar: tqdm) -> dict[str, Any]:
    """Do one step of upkeep in a process of its own while the writer goes on."""
    bar.set_postfix_str(name)
    command = [sys.executable, "-m", "infra.bench.bank_rows", name, url, str(RETAINED_DAYS)]
    rate, done = rate_while(progress, lambda: subprocess.run(command, stdout=subprocess.PIPE, check=False))
    if done.returncode:
        raise HyperMatchError(f"{name} failed with exit code {done.returncode}", "its error is above")
    return {**json.loads(done.stdout), "append_rows_per_second": round(rate)}


def rate_while(progress: list[Progress], act: Any) -> tuple[float, Any]:
    """Return the rows per second that the writer appended while `act` ran, from commit to commit, and its result."""
    first = len(progress) - 1
    done = act()
    n_before, deadline = len(progress), time.monotonic() + PATIENCE_SECONDS
    while len(progress) < max(n_before, first + 2):   # a short step is measured by the commit that it fell into
        if time.monotonic() > deadline:
            raise HyperMatchError("the writer appends nothing any more", "its error is above")
        time.sleep(0.01)
    (begun, before), (ended, after) = progress[first], progress[-1]
    return (after - before) / (ended - begun), done


@contextmanager
def appending(url: str) -> Iterator[list[Progress]]:
    """Yield what a writer in another process tells after each commit; it ends with this."""
    command = [sys.executable, "-m", "infra.bench.bank_rows", "append", url, "0"]
    progress: list[Progress] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdin is not None
        told = ((time.perf_counter(), int(line)) for line in writer.stdout)
        Thread(target=progress.extend, args=(told,), daemon=True).start()
        try:
            while not progress:
                if writer.poll() is not None:
                    raise HyperMatchError("the writer ended", "its error is above")
                time.sleep(0.01)
            yield progress
        finally:
            writer.stdin.close()
            writer.wait(PATIENCE_SECONDS)
