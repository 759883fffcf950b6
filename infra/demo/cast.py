"""Deals BANKING77 out to the demo: few labels, a gate set, traffic, classes to come, test texts that nobody sees."""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from registry.text import normalize

DATA = Path(__file__).parent / "banking77.parquet"
LABELS_PER_CLASS = 5
GATE_PER_CLASS = 10
LEAST_TRAFFIC = 100                                   # texts of a newcomer, so that its share of the stream lasts

LabeledRow = tuple[str, str]                          # text, label


@dataclass(frozen=True)
class Cast:
    """Who plays what: rows of (text, label); the labels of traffic and newcomers are the person's, told to nobody."""

    first_labels: list[LabeledRow]
    gate: list[LabeledRow]
    traffic: list[LabeledRow]                         # of the classes known at first
    newcomers: list[LabeledRow]                       # of those that come later
    test: list[LabeledRow]                            # of all

    @property
    def labels(self) -> list[str]:
        """The classes known at first."""
        return sorted({label for _, label in self.first_labels})

    @property
    def new_labels(self) -> list[str]:
        return sorted({label for _, label in self.newcomers})

    @cached_property
    def truth(self) -> Mapping[str, str]:
        """What the person knows who reads a text of the traffic, by the text as it is banked."""
        return {normalize(text): label for text, label in [*self.traffic, *self.newcomers]}


def deal(seed: int, data: Path = DATA, n_newcomers: int = 0, test_per_class: int | None = None) -> Cast:
    """Draw the parts; no text plays two. Every class is known at first unless some are to be newcomers."""
    table = pq.read_table(data, columns=["text", "label", "split"]).to_pylist()
    train = [(row["text"], row["label"]) for row in table if row["split"] == "train"]
    test = [(row["text"], row["label"]) for row in table if row["split"] == "test"]
    generator = random.Random(seed)
    generator.shuffle(train)
    by_label = _by_label(_distinct(train))
    large = sorted(label for label, rows in by_label.items() if len(rows) >= LEAST_TRAFFIC)
    newcomers = set(generator.sample(large, n_newcomers))
    first: list[LabeledRow] = []
    gate: list[LabeledRow] = []
    later: list[LabeledRow] = []
    for label, rows in by_label.items():
        if label in newcomers:
            later += rows
            continue
        first += rows[:LABELS_PER_CLASS]
        gate += rows[LABELS_PER_CLASS:LABELS_PER_CLASS + GATE_PER_CLASS]
    known = {text for text, _ in first + gate}
    traffic = [row for row in _distinct(train) if row[0] not in known and row[1] not in newcomers]
    generator.shuffle(later)
    if test_per_class is not None:
        generator.shuffle(test)
        test = [row for rows in _by_label(test).values() for row in rows[:test_per_class]]
    return Cast(first, gate, traffic, later, test)


def _by_label(rows: list[LabeledRow]) -> dict[str, list[LabeledRow]]:
    found: dict[str, list[LabeledRow]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(row)
    return found


def _distinct(rows: list[LabeledRow]) -> list[LabeledRow]:
    """Keep the first of each text: a repeated one could end up both training and judging."""
    return list({normalize(text): (text, label) for text, label in reversed(rows)}.values())
