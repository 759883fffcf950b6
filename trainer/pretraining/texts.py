"""The texts that an encoder is pretrained on: distinct, in a fixed order, and none of a gate set."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from registry.database import read
from registry.labels import labeled_texts
from registry.tables import Part
from registry.tasks import get_task, list_tasks
from registry.text import normalize, text_hash
from trainer.pretraining.card import Source
from trainer.workplace import Workplace


@dataclass(frozen=True)
class Batch:
    """Texts as one source gave them."""

    source: Source
    texts: Sequence[str]


@dataclass(frozen=True)
class Texts:
    """Distinct normalized texts in the order of their characters, and where they came from."""

    texts: list[str]
    sources: list[Source]
    n_gate_texts_left_out: int

    @cached_property
    def digest(self) -> str:
        joined = hashlib.sha256()
        for text in self.texts:
            joined.update(bytes.fromhex(text_hash(text)))
        return joined.hexdigest()


def of_bank(workplace: Workplace, task: str | None) -> list[Batch]:
    """Return what the bank holds of a task (texts of no task are everyone's) and its train texts; None: all tasks."""
    version = workplace.bank.version
    with read(workplace.engine) as session:
        tasks = [each.name for each in list_tasks(session)] if task is None else [get_task(session, task).name]
        labeled = [row.text for name in tasks for row in labeled_texts(session, name, Part.TRAIN)]
    told = "all tasks" if task is None else f"task {task}"
    banked = [] if version is None else workplace.bank.texts(task, version=version).column("text").to_pylist()
    return [Batch(Source(f"bank, {told}", len(banked), bank_version=version), banked),
            Batch(Source(f"train labels, {told}", len(labeled)), labeled)]


def gathered(batches: Sequence[Batch], gate_texts: set[str]) -> Texts:
    """Take out repeats and what a gate set judges with."""
    distinct = {normalize(text) for batch in batches for text in batch.texts} - {""}
    return Texts(sorted(distinct - gate_texts), [batch.source for batch in batches if batch.texts],
                 len(distinct & gate_texts))


def gate_texts_of(workplace: Workplace) -> set[str]:
    """Return the gate texts of every task, for one encoder may serve them all."""
    with read(workplace.engine) as session:
        return {row.text for task in list_tasks(session) for row in labeled_texts(session, task.name, Part.GATE)}
