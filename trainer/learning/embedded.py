"""Texts as vectors, with the classes they belong to where somebody said so."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Labeled:
    """Vectors (n, d) of length 1 and their classes (n,), numbers into a label space of `n_classes`."""

    vectors: np.ndarray
    classes: np.ndarray
    n_classes: int

    def __len__(self) -> int:
        return len(self.classes)

    def counts(self) -> np.ndarray:
        """Return how many labels each class has, (n_classes,)."""
        return np.bincount(self.classes, minlength=self.n_classes)

    def with_names(self, names: np.ndarray | None) -> "Labeled":
        """Return these labels and the names of all classes (n_classes, d), if any, as one more text of each class."""
        if names is None:
            return self
        return Labeled(np.concatenate([self.vectors, names]),
                       np.concatenate([self.classes, np.arange(self.n_classes)]), self.n_classes)

    def take(self, rows: np.ndarray) -> "Labeled":
        return Labeled(self.vectors[rows], self.classes[rows], self.n_classes)


@dataclass(frozen=True)
class Unlabeled:
    """Vectors (n, d) of length 1 of traffic."""

    vectors: np.ndarray
