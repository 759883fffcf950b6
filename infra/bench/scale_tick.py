"""Measures a tick of a trainer over many tasks and a bank of many files, as `hypermatch scale` counts with it."""

from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, update
from tqdm import tqdm

from infra.bench.scale import count_statements, once, rows, timed
from infra.roots import utc_now
from ingest.bank import DataBank
from ingest.bank.tally import Tally
from ingest.schema import SCHEMA
from registry.artifacts.store import ArtifactStore
from registry.database import write
from registry.tables import DriftCheck, ModelVersion, Run
from trainer.scheduler.decide import Triggers
from trainer.scheduler.drift import DriftTriggers
from trainer.scheduler.loop import Trainer
from trainer.workplace import Workplace

N_DAYS = 90                                           # that the bank reaches over, a file for each in every commit
NEVER = 1_000_000_000                                 # labels or texts that nobody will bring


def measure_counts(folder: Path, n_files: int, n_tasks: int, n_chars: int) -> dict[str, Any]:
    """Count what is new of every task in a bank of so many files, for drift and for the next run, as ticks do."""
    bank = fill(folder, n_files, n_tasks, n_chars)
    tally, version = Tally(bank), bank.version or 0
    since = {f"task-{number:03d}": (version, max(version - 1 - number % version, 1)) for number in range(n_tasks)}

    def count() -> None:
        tally.renew()
        for task, versions in since.items():
            for each in versions:
                tally.n_texts(task, each)

    first = once(count)
    unchanged = timed(count)
    one = since["task-007"][1]
    each = timed(lambda: bank.n_texts("task-007", since_version=one))
    n_rows = n_tasks * len(bank.files())
    bank.append(rows(n_rows, n_tasks, n_tasks, n_chars, utc_now()), {("bench", 0): n_rows + n_tasks})
    return {"files": len(bank.files()), "tasks": n_tasks, "questions": 2 * n_tasks, "first": first,
            "unchanged": unchanged, "after_a_commit": once(count), "one_task_by_itself": each}


def measure_tick(engine: Engine, folder: Path) -> dict[str, Any]:
    """Tick over a registry that `measure_looks` filled and the bank that `measure_counts` did; nothing is due."""
    bank = DataBank(str(folder / "counts"))
    with write(engine) as session:
        for table in (ModelVersion, DriftCheck):
            session.execute(update(table).values(bank_version=bank.version))
        session.execute(update(Run).values(started_at=utc_now()))
    workplace = Workplace(engine=engine, store=ArtifactStore(str(folder / "artifacts")), bank=bank,
                          cache=folder / "cache", worker="bench", code_revision="bench", now=utc_now,
                          lease=timedelta(seconds=30))
    trainer = Trainer(workplace, Triggers(NEVER, NEVER, timedelta(0)), folder / "recipes", Event(), Tally(bank),
                      drift=DriftTriggers(0))
    first, statements = once(trainer.tick), count_statements(engine)
    following = once(trainer.tick)
    return {"database": engine.dialect.name, "first": first, "following": following, "statements": statements()}


def fill(folder: Path, n_files: int, n_tasks: int, n_chars: int) -> DataBank:
    """Return a bank of at least so many files, each with about a row of every task, by commits that reach over days."""
    bank, now, n_rows = DataBank(str(folder)), utc_now() - timedelta(days=N_DAYS), N_DAYS * n_tasks
    for number in tqdm(range(-(-n_files // N_DAYS)), desc="commits", disable=None):
        banked = [now + timedelta(days=row // n_tasks, seconds=number) for row in range(n_rows)]
        made = rows(number * n_rows, n_rows, n_tasks, n_chars, now)
        for name, values in (("banked_at", banked), ("day", [at.date() for at in banked])):
            field = SCHEMA.field(name)
            made = made.set_column(SCHEMA.get_field_index(name), field, pa.array(values, field.type))
        bank.append(made, {("bench", 0): (number + 1) * n_rows})
    return bank
