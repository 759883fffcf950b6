"""What the names of the labels say: `card_arrival` is a short text about its class, unless it is `LABEL_7`."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from trainer.learning.embedded import Labeled

LARGEST_CHANCE = 0.05                                 # that names which say nothing do as well
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS = re.compile(r"[_/\-.]+")


def spoken(label: str) -> str:
    """Return a label as words: `getWeather` and `get_weather` become `get weather`."""
    return " ".join(_JOINTS.sub(" ", _HUMP.sub(" ", label)).split())


@dataclass(frozen=True)
class NameEvidence:
    """How well the nearest label name tells human labels, none of which it saw."""

    n_right: int
    n_labels: int
    chance: float                                     # that names which say nothing do as well or better

    @property
    def is_convincing(self) -> bool:
        return self.chance <= LARGEST_CHANCE

    @property
    def accuracy(self) -> float:
        return self.n_right / self.n_labels


def name_evidence(names: np.ndarray, labeled: Labeled) -> NameEvidence:
    """Ask the names (C, d) about the labels; class by class, so that one large class is not mistaken for skill."""
    guesses = (labeled.vectors @ names.T).argmax(axis=1)
    n_right = int((guesses == labeled.classes).sum())
    blind = float(np.bincount(guesses, minlength=labeled.n_classes) @ labeled.counts()) / len(labeled) ** 2
    chance = binomtest(n_right, len(labeled), min(blind, 1.0), alternative="greater").pvalue
    return NameEvidence(n_right, len(labeled), float(chance))
