"""What the names of the labels say: `card_arrival` is a short text about its class, unless it is `LABEL_7`."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom

from trainer.learning.embedded import Labeled

MIN_ODDS = 1.0                                        # of names that speak; below it they cost more than they give
LARGEST_LOG_ODDS = 500.0                              # enough to say "certain", and finite
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
    odds: float                                       # that names speak, to that they say nothing; 1 before any label

    @property
    def is_convincing(self) -> bool:
        return self.odds >= MIN_ODDS

    @property
    def accuracy(self) -> float:
        return self.n_right / self.n_labels


def name_evidence(names: np.ndarray, labeled: Labeled) -> NameEvidence:
    """Ask the names (C, d) about the labels; class by class, so that one large class is not mistaken for skill.

    The odds are the Bayes factor of "right with some probability above blind guessing, each as
    likely" to "right as often as blind guessing". A test that demands significance would leave
    most names unused where a class has one label: six labels can hardly be significant.
    """
    guesses = (labeled.vectors @ names.T).argmax(axis=1)
    n_right, n_labels = int((guesses == labeled.classes).sum()), len(labeled)
    blind = float(np.bincount(guesses, minlength=labeled.n_classes) @ labeled.counts()) / n_labels**2
    if blind >= 1:
        return NameEvidence(n_right, n_labels, 0.0)
    speaking = beta.logsf(blind, n_right + 1, n_labels - n_right + 1) - np.log((n_labels + 1) * (1 - blind))
    silent = binom.logpmf(n_right, n_labels, blind)
    return NameEvidence(n_right, n_labels, float(np.exp(min(speaking - silent, LARGEST_LOG_ODDS))))
