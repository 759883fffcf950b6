"""Human-labeled texts that prompts show, drawn evenly over the classes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """A text and its class."""

    text: str
    number: int


@dataclass(frozen=True)
class Examples:
    """Labeled texts; classes (n,) are numbers into the label space."""

    texts: list[str]
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Examples":
        return Examples([self.texts[row] for row in rows], self.classes[rows])

    def draw(self, n: int, seed: str, without: str | None = None) -> list[Example]:
        """Draw up to `n`, class by class in turn, in random order; never the text `without`."""
        randomness = random.Random(seed)
        by_class: dict[int, list[str]] = {}
        for text, number in zip(self.texts, self.classes.tolist(), strict=True):
            if text != without:
                by_class.setdefault(number, []).append(text)
        for texts in by_class.values():
            randomness.shuffle(texts)
        drawn: list[Example] = []
        while len(drawn) < n and by_class:
            for number in randomness.sample(sorted(by_class), len(by_class)):
                drawn.append(Example(by_class[number].pop(), number))
                if not by_class[number]:
                    del by_class[number]
        return randomness.sample(drawn[:n], len(drawn[:n]))

    def of(self, number: int) -> "Examples":
        """Return those of one class."""
        return self.take(np.flatnonzero(self.classes == number))


def unlabeled(texts: Sequence[str]) -> Examples:
    """Take texts as examples of one nameless class."""
    return Examples(list(texts), np.zeros(len(texts), np.int64))
