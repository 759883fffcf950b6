"""Reads what a run learns from and is judged by, as of one moment."""

from dataclasses import dataclass, field

import numpy as np

from ingest.bank import DataBank
from registry.database import read
from registry.labels import labeled_texts
from registry.tables import LabeledText, Part
from registry.tasks import label_space
from trainer.recipe import Recipe
from trainer.workplace import Workplace


@dataclass(frozen=True)
class LabeledTexts:
    """Texts and their classes (n,), numbers into the label space."""

    texts: list[str]
    classes: np.ndarray


@dataclass(frozen=True)
class Materials:
    """Everything a run reads; nothing is read afterwards, so a version's lineage is exact."""

    task: str
    label_space: int
    labels: list[str]
    train: LabeledTexts
    gate: LabeledTexts
    traffic: list[str]
    foreign: list[str]                                # of other tasks, where this one has hardly any
    bank_version: int | None
    offsets: dict[str, int] = field(default_factory=dict)      # `topic:partition` -> the next one, as of that version


def gather(workplace: Workplace, task: str, recipe: Recipe) -> Materials:
    """Read labels and traffic; labeled texts are taken out of the traffic, nothing may learn from those of the gate."""
    with read(workplace.engine) as session:
        space = label_space(session, task)
        train = _texts(labeled_texts(session, task, Part.TRAIN), space.labels)
        gate = _texts(labeled_texts(session, task, Part.GATE), space.labels)
    bank_version = workplace.bank.version
    traffic = _traffic(workplace.bank, task, bank_version, recipe.max_traffic) if recipe.uses_traffic else []
    labeled = set(gate.texts) | set(train.texts)
    traffic = [text for text in traffic if text not in labeled]
    foreign = _foreign(workplace, bank_version, recipe, traffic)
    return Materials(task=task, label_space=space.number, labels=list(space.labels), train=train, gate=gate,
                     traffic=traffic, foreign=[text for text in foreign if text not in labeled],
                     bank_version=bank_version, offsets=_offsets(workplace.bank, bank_version))


def _offsets(bank: DataBank, version: int | None) -> dict[str, int]:
    """Return up to where the bank had read each partition; files and other ways into the bank have none."""
    if version is None:
        return {}
    return {f"{topic}:{partition}": offset for (topic, partition), offset in bank.offsets(version).items()}


def _texts(rows: list[LabeledText], labels: list[str]) -> LabeledTexts:
    """Keep the rows whose label is in the newest label space."""
    numbers = {label: number for number, label in enumerate(labels)}
    kept = [row for row in rows if row.label in numbers]
    return LabeledTexts([row.text for row in kept], np.array([numbers[row.label] for row in kept], np.int64))


def _foreign(workplace: Workplace, version: int | None, recipe: Recipe, own: list[str]) -> list[str]:
    """Return texts of other tasks, newest first, if the recipe wants them; texts without a task are everyone's own."""
    if not recipe.uses_traffic or not recipe.out_of_domain.is_wanted(len(own)):
        return []
    kept, limit = set(own), recipe.out_of_domain.max_pool
    found = _traffic(workplace.bank, None, version, limit + len(own))
    return [text for text in found if text not in kept][:limit]


def _traffic(bank: DataBank, task: str | None, version: int | None, limit: int) -> list[str]:
    if version is None:
        return []
    return list(bank.texts(task, version=version, limit=limit).column("text").to_pylist())
