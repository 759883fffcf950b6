"""Measures what `hypermatch scale` counts with: bytes of a row, reading one task, a server's look at the registry."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, event
from tqdm import tqdm

from infra.demo.cast import deal
from infra.demo.scale import seed
from infra.roots import utc_now
from ingest.bank import DataBank
from ingest.bank.tally import Tally
from ingest.schema import SCHEMA
from registry.database import read
from registry.lifecycle.promotion import wanted
from registry.tables import AliasName
from registry.text import text_hash

TEXTS = Path(__file__).parents[1] / "demo" / "banking77.parquet"
BATCH_ROWS = 100_000
N_LABELS = 77
READ_TEXTS = 20_000                                   # what a training run reads of a task, `max_traffic` of the recipe
FEW_TEXTS = 500                                       # which lie in the newest stretch of the bank
LOOK_SECONDS = 10.0


def measure_bank(folder: Path, n_rows: int, n_tasks: int, n_chars: int, batch_rows: int = BATCH_ROWS) -> dict[str, Any]:
    """Fill a bank with predictions of `n_tasks` tasks and read one of them as a training run and a tick do."""
    bank, begun = DataBank(str(folder)), utc_now()
    for number, start in enumerate(tqdm(range(0, n_rows, batch_rows), desc="commits", disable=None)):
        n = min(batch_rows, n_rows - start)
        bank.append(rows(start, n, n_tasks, n_chars, begun + timedelta(seconds=number)), {("bench", 0): start + n})
    n_bytes, version = sum(file.stat().st_size for file in folder.rglob("*.parquet")), bank.version
    return {"rows": n_rows, "tasks": n_tasks, "chars_per_text": n_chars, "files": len(bank.files()),
            "bytes_per_row": round(n_bytes / n_rows, 1),
            "read_task": timed(lambda: bank.texts("task-007", limit=READ_TEXTS)),
            "read_task_newest": timed(lambda: bank.texts("task-007", limit=FEW_TEXTS)),
            "count_new": timed(lambda: bank.n_texts("task-007", since_version=version)),
            "count_all": timed(lambda: Tally(bank).days())}


def rows(start: int, n: int, n_tasks: int, n_chars: int, now: datetime) -> pa.Table:
    """Return predictions whose texts are words of BANKING77, drawn by how often they come: hard to compress."""
    draw, words = random.Random(start), _words()
    texts = [_text(draw, words, n_chars) for _ in range(n)]
    columns: dict[str, Sequence[Any]] = {
        "id": [uuid.UUID(int=draw.getrandbits(128)).hex for _ in range(n)], "text": texts,
        "text_hash": [text_hash(text) for text in texts],
        "task": [f"task-{draw.randrange(n_tasks):03d}" for _ in range(n)], "source": ["serving"] * n,
        "subject": [None] * n, "at": [now + timedelta(milliseconds=number) for number in range(n)],
        "banked_at": [now] * n, "kind": ["prediction"] * n,
        "label": [f"label_{draw.randrange(N_LABELS)}" for _ in range(n)],
        "confidence": [draw.random() for _ in range(n)], "novelty": [draw.random() for _ in range(n)],
        "model_version": [1] * n, "label_space": [1] * n, "topic": ["hypermatch.predictions"] * n,
        "partition": [0] * n, "offset": range(start, start + n), "day": [now.date()] * n}
    return pa.table(columns, schema=SCHEMA)


def timed(act: Callable[[], object]) -> dict[str, float]:
    """Run twice and tell the second: wall-clock and CPU seconds of this process."""
    act()
    return once(act)


def once(act: Callable[[], object]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return {"seconds": round(time.perf_counter() - wall, 3), "cpu_seconds": round(time.process_time() - cpu, 3)}


def measure_looks(engine: Engine, n_tasks: int) -> dict[str, Any]:
    """Look at a registry of `n_tasks` champions again and again, as each worker of serving does at every poll."""
    seed(engine, deal(seed=1), n_tasks, n_tasks, n_tasks, utc_now())
    statements = count_statements(engine)
    look(engine)
    n_statements, n, begun = statements(), 0, time.perf_counter()
    servers, cpu = _server_cpu(engine), time.process_time()
    while time.perf_counter() - begun < LOOK_SECONDS:
        look(engine)
        n += 1
    wall = time.perf_counter() - begun
    return {"database": engine.dialect.name, "tasks": n_tasks, "statements_per_look": n_statements, "looks": n,
            "ms_per_look": round(1_000 * wall / n, 2),
            "worker_cpu_ms_per_look": round(1_000 * (time.process_time() - cpu) / n, 2),
            "database_cpu_ms_per_look": round(1_000 * (_server_cpu(engine) - servers) / n, 2)}


def look(engine: Engine) -> None:
    """Ask what `serving.watcher.Watcher.look` asks."""
    with read(engine) as session:
        wanted(session, list(AliasName))


def count_statements(engine: Engine) -> Callable[[], int]:
    """Return a count of the statements since, without those that open connections and transactions."""
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement))
    return lambda: len(seen)


def _server_cpu(engine: Engine) -> float:
    """Return the CPU seconds of PostgreSQL's processes on this machine; 0 for SQLite, which has none."""
    if engine.dialect.name != "postgresql":
        return 0.0
    found = (process for process in psutil.process_iter(["name"]) if process.info["name"] == "postgres")
    return sum(sum(process.cpu_times()[:2]) for process in found)


def _text(draw: random.Random, words: list[str], n_chars: int) -> str:
    text = ""
    while len(text) < n_chars:
        text += f"{draw.choice(words)} "
    return text[:n_chars].strip()


def _words() -> list[str]:
    return [word for text in _texts() for word in text.split()]


def _texts() -> Iterator[str]:
    yield from pq.read_table(TEXTS, columns=["text"])["text"].to_pylist()
