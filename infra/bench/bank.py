"""Measures upkeep of a large bank while rows are being appended, and what reading one window costs as it grows."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

from tqdm import tqdm

from infra.bench.bank_rows import COMMIT_ROWS, REPEATED_RATIO, TASK, Maker
from ingest.bank import DataBank
from registry.errors import HyperMatchError

RETAINED_SHARE = 2 / 3                                # of the days
SMALL_SHARE = 0.1                                     # of the rows: the bank that windows are read from first
N_READS = 5
PATIENCE_SECONDS = 600.0

Commit = tuple[int, float]                            # rows that the writer had appended by then, seconds it took


def measure(rows: int, days: int, window: int, append_rate: int, seconds: float) -> dict[str, Any]:
    """Return seconds and peak memory of each step, what became of a writer before and during them, and reads."""
    with tempfile.TemporaryDirectory() as folder, tqdm(total=rows, unit=" rows", unit_scale=True, disable=None) as bar:
        url = f"{folder}/bank"
        reads = fill(url, rows, days, window, bar)
        with appending(url, append_rate) as commits:
            alone = beside(commits, lambda: time.sleep(seconds))[0]
            steps = {name: step(commits, name, url, int(days * RETAINED_SHARE), bar)
                     for name in ("compact", "retain", "vacuum")}
        reads["compacted"] = read_seconds(DataBank(url), window)
        found = DataBank(url)
        left = {"rows": sum(file.n_rows for file in found.files()), "files": len(found.files())}
    ratio = steps["compact"]["append_rows_per_second"] / alone["append_rows_per_second"]
    return {"rows": rows, "days": days, "repeated_ratio": REPEATED_RATIO, "commit_rows": COMMIT_ROWS,
            "append_rate": append_rate, "append_ratio": round(ratio, 3), "alone": alone, "steps": steps,
            "window_texts": window, "window_seconds": {name: round(each, 4) for name, each in reads.items()},
            "window_ratio": round(reads["all"] / reads["small"], 2), "left": left}


def fill(url: str, rows: int, days: int, window: int, bar: tqdm) -> dict[str, float]:
    """Append seeded rows over the last days, and read a window when a tenth is there and when all are."""
    bank, maker, found = DataBank(url), Maker(0, seed=0), {}
    today = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
    while maker.n_rows < rows:
        day = today - timedelta(days=days - 1 - maker.n_rows * days // rows)
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


def step(commits: list[Commit], name: str, url: str, days: int, bar: tqdm) -> dict[str, Any]:
    """Do one step of upkeep in a process of its own while the writer goes on."""
    bar.set_postfix_str(name)
    command = [sys.executable, "-m", "infra.bench.bank_rows", name, url, str(days)]
    told, done = beside(commits, lambda: subprocess.run(command, stdout=subprocess.PIPE, check=False))
    if done.returncode:
        raise HyperMatchError(f"{name} failed with exit code {done.returncode}", "its error is above")
    return {**json.loads(done.stdout), **told}


def beside(commits: list[Commit], act: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    """Return what the writer reached while `act` ran, up to the commit that it ended in, and the result of `act`."""
    first, begun = commits[-1], time.perf_counter()
    n_before, done = len(commits), act()
    n_during, deadline = len(commits), time.monotonic() + PATIENCE_SECONDS
    while len(commits) == n_during:
        if time.monotonic() > deadline:
            raise HyperMatchError("the writer appends nothing any more", "its error is above")
        time.sleep(0.005)
    ended, took = time.perf_counter(), [seconds for _, seconds in commits[n_before:]]
    return {"append_rows_per_second": round((commits[-1][0] - first[0]) / (ended - begun)),
            "commit_seconds_median": round(statistics.median(took), 3),
            "commit_seconds_worst": round(max(took), 3)}, done


@contextmanager
def appending(url: str, rate: int) -> Iterator[list[Commit]]:
    """Yield what a writer in another process tells after each commit; it ends with this."""
    command = [sys.executable, "-m", "infra.bench.bank_rows", "append", url, str(rate)]
    commits: list[Commit] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdin is not None
        told = ((int(rows), float(seconds)) for rows, seconds in map(str.split, writer.stdout))
        Thread(target=commits.extend, args=(told,), daemon=True).start()
        try:
            while not commits:
                if writer.poll() is not None:
                    raise HyperMatchError("the writer ended", "its error is above")
                time.sleep(0.01)
            yield commits
        finally:
            writer.stdin.close()
            writer.wait(PATIENCE_SECONDS)
