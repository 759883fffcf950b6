"""Fills an empty registry with many tasks, versions and audit entries, to see how the console bears them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import Session, SQLModel, select
from tqdm import tqdm

from infra.demo.cast import Cast
from registry import audit
from registry.database import read, write
from registry.errors import Refused
from registry.tables import (
    Alias,
    AliasName,
    AuditEntry,
    DriftCheck,
    LabeledText,
    LabelSpace,
    ModelVersion,
    Part,
    Run,
    RunState,
    Stage,
    Task,
)
from registry.text import text_hash
from registry.watching.tables import BankDay

CHUNK = 5_000
CHECKS_PER_TASK, LABELS_PER_TASK, BANK_DAYS, N_FLIPS = 20, 385, 60, 300


def seed(engine: Engine, cast: Cast, n_tasks: int, n_versions: int, n_entries: int, now: datetime) -> None:
    """Fill the registry; raises Refused if it holds a task already, so that nothing real is ever mixed with it."""
    with read(engine) as session:
        if session.exec(select(Task).limit(1)).first() is not None:
            raise Refused("this registry holds tasks already", "point HYPERMATCH_REGISTRY_URL at an empty one")
    per_task = max(n_versions // n_tasks, 1)
    with tqdm(total=n_tasks + n_entries, desc="rows", disable=None) as bar:
        for number in range(n_tasks):
            with write(engine) as session:
                _task(session, f"task-{number:03d}", number, per_task, cast, now)
            bar.update()
        _entries(engine, n_tasks, per_task, n_entries, now, bar)


def _task(session: Session, name: str, number: int, n_versions: int, cast: Cast, now: datetime) -> None:
    labels, began = cast.labels, now - timedelta(days=n_versions + 1)
    _add(session, Task, [{"name": name, "description": f"Task {number} of many.", "created_at": began}])
    _add(session, LabelSpace, [{"task": name, "number": 1, "labels": labels, "created_at": began}])
    _add(session, LabeledText, [
        {"task": name, "text": text, "text_hash": text_hash(text), "label": label, "part": Part.TRAIN,
         "actor": "seed", "origin": "seed", "labeled_at": began}
        for text, label in cast.first_labels[:LABELS_PER_TASK]])
    _add(session, Run, [
        {"task": name, "state": RunState.SUCCEEDED, "reason": "20 new labels, 20 are enough", "actor": "trainer",
         "worker": "trainer@seed", "recipe": {"encoder": "minilm"}, "step": "gate", "progress": 1.0,
         "outcome": f"v{i} awaits approval", "facts": {"n_labels": 385}, "version_number": i,
         "requested_at": began + timedelta(days=i), "ended_at": began + timedelta(days=i, minutes=3)}
        for i in range(1, n_versions + 1)])
    _add(session, ModelVersion, [_version(name, i, n_versions, labels, began) for i in range(1, n_versions + 1)])
    champion = max(n_versions - 1, 1)
    _add(session, Alias, [{"task": name, "name": AliasName.CHAMPION, "version_number": champion, "generation": champion,
                           "changed_at": began + timedelta(days=champion)}])
    _add(session, BankDay, [{"task": name, "day": (now - timedelta(days=i)).date(), "n_texts": 400 + i}
                            for i in range(BANK_DAYS)])
    _add(session, DriftCheck, [_check(name, i, number, labels, now) for i in range(CHECKS_PER_TASK)])


def _version(task: str, i: int, newest: int, labels: list[str], began: datetime) -> dict[str, Any]:
    stage = (Stage.AWAITING_APPROVAL if i == newest > 1 else
             Stage.CHAMPION if i == max(newest - 1, 1) else Stage.ARCHIVED)
    accuracy = {"value": 0.8 + i / 200, "low": 0.78 + i / 200, "high": 0.82 + i / 200}
    return {"task": task, "number": i, "stage": stage, "digest": text_hash(f"{task} {i}") * 2, "label_space": 1,
            "requested_by": "trainer", "recipe": {"encoder": "minilm", "seed": i}, "bank_version": i,
            "code_revision": "seed", "n_labels": 385, "was_champion": stage is not Stage.AWAITING_APPROVAL,
            "created_at": began + timedelta(days=i), "gate": _gate(task, i, labels, stage),
            "evaluation": {"n_texts": 770, "accuracy": accuracy, "macro_f1": accuracy, "ece": 0.03,
                           "recall": {label: {"value": 0.8, "n_texts": 10} for label in labels}}}


def _gate(task: str, i: int, labels: list[str], stage: Stage) -> dict[str, Any]:
    decided = {"passed": True, "reasons": ["seeded"], "checks": []}
    if stage is not Stage.AWAITING_APPROVAL:
        return decided
    flips = [{"text": f"text {number} of many that are answered otherwise", "was": labels[0], "was_confidence": 0.4,
              "now": labels[1], "confidence": 0.6, "truth": labels[number % 3]} for number in range(N_FLIPS)]
    return decided | {"against": {"champion": f"{task} v{i - 1}", "n_texts": 3_080, "n_fixed": 100, "n_broken": 100,
                                  "n_otherwise": 100, "flips": flips}}


def _check(task: str, i: int, number: int, labels: list[str], now: datetime) -> dict[str, Any]:
    is_alarm = i == CHECKS_PER_TASK - 1 and number % 20 == 0
    p_value = 0.001 if is_alarm else 0.5
    report = {"alpha": 0.01, "p_value": p_value, "is_alarm": is_alarm, "alarmed": ["words"] if is_alarm else [],
              "families": {"words": p_value, "labels": 0.5, "novelty": 0.5}, "n_reference": 2_000, "n_window": 1_000,
              "priors": {label: 1 / len(labels) for label in labels},
              "accuracy": {"value": 0.83, "low": 0.8, "high": 0.86, "labeled": 0.84}, "novelty_rate": 0.05}
    return {"task": task, "at": now - timedelta(hours=CHECKS_PER_TASK - i), "bank_version": i, "version_number": 1,
            "is_alarm": is_alarm, "p_value": p_value, "advice": "wait", "reason": "seeded", "report": report}


def _entries(engine: Engine, n_tasks: int, per_task: int, n_entries: int, now: datetime, bar: tqdm) -> None:
    """Add entries that form a whole chain, as `hypermatch doctor` and the audit page verify it."""
    rows = _chain(n_tasks, per_task, n_entries, now)
    while chunk := list(islice(rows, CHUNK)):
        with write(engine) as session:
            _add(session, AuditEntry, chunk)
        bar.update(len(chunk))


def _chain(n_tasks: int, per_task: int, n_entries: int, now: datetime) -> Iterator[dict[str, Any]]:
    previous, actions = audit.GENESIS, ("model:registered", "model:evaluated", "model:passed_gate", "labels:imported")
    for number in range(1, n_entries + 1):
        subject = f"task-{number % n_tasks:03d} v{number // n_tasks % per_task + 1}"
        entry = AuditEntry(number=number, at=now - timedelta(seconds=n_entries - number), actor=f"seed-{number % 7}",
                           action=actions[number % len(actions)], subject=subject, reason="seeded", details={},
                           previous_hash=previous, hash="")
        previous = entry.hash = audit.hash_of(entry)
        yield entry.model_dump()


def _add(session: Session, table: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    session.connection().execute(insert(table), rows)
