"""Deals BANKING77 out to the demo: few labels, a gate set, traffic, and test texts that nobody sees."""

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from registry.text import normalize

DATA = Path(__file__).parent / "banking77.parquet"
LABELS_PER_CLASS = 5
GATE_PER_CLASS = 10

LabeledRow = tuple[str, str]                          # text, label


@dataclass(frozen=True)
class Cast:
    """Who plays what: rows of (text, label); the labels of `traffic` are the person's, shown to nobody else."""

    first_labels: list[LabeledRow]
    gate: list[LabeledRow]
    traffic: list[LabeledRow]
    test: list[LabeledRow]

    @property
    def labels(self) -> list[str]:
        return sorted({label for _, label in self.first_labels})


def deal(seed: int, data: Path = DATA) -> Cast:
    """Draw the parts; no text plays two."""
    table = pq.read_table(data, columns=["text", "label", "split"]).to_pylist()
    train = [(row["text"], row["label"]) for row in table if row["split"] == "train"]
    test = [(row["text"], row["label"]) for row in table if row["split"] == "test"]
    random.Random(seed).shuffle(train)
    by_label: dict[str, list[LabeledRow]] = defaultdict(list)
    for text, label in _distinct(train):
        by_label[label].append((text, label))
    first, gate = ([], [])  # type: tuple[list[LabeledRow], list[LabeledRow]]
    for rows in by_label.values():
        first += rows[:LABELS_PER_CLASS]
        gate += rows[LABELS_PER_CLASS:LABELS_PER_CLASS + GATE_PER_CLASS]
    known = {text for text, _ in first + gate}
    return Cast(first, gate, [row for row in train if row[0] not in known], test)


def _distinct(rows: list[LabeledRow]) -> list[LabeledRow]:
    """Keep the first of each text: a repeated one could end up both training and judging."""
    return list({normalize(text): (text, label) for text, label in reversed(rows)}.values())
