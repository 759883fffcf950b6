"""What a round of fine-tuning learns: texts, how likely each class is, and how much each text counts."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from safetensors.numpy import load, save

from trainer.encoders.encoder import digest_of
from trainer.fine_tuning.recipe import FineTuningRecipe
from trainer.learning.alignment import normalized
from trainer.learning.in_domain import Taught


@dataclass(frozen=True)
class Lessons:
    """Texts, human-labeled ones first; targets (N, C) and weights (N,); and the head to begin with, (C, d + 1)."""

    texts: list[str]
    targets: np.ndarray
    weights: np.ndarray
    n_labeled: int
    linear: np.ndarray

    @property
    def n_unlabeled(self) -> int:
        return len(self.texts) - self.n_labeled

    @property
    def prior(self) -> np.ndarray:
        """Return the class shares (C,) of the bank."""
        return np.asarray(self.targets[self.n_labeled :].mean(axis=0))

    @cached_property
    def digest(self) -> str:
        return digest_of(json.dumps(self.texts).encode(), self.arrays())

    def arrays(self) -> bytes:
        """Return everything but the texts, as safetensors."""
        return save({"targets": self.targets, "weights": self.weights, "linear": self.linear,
                     "n_labeled": np.array([self.n_labeled])})

    @classmethod
    def of_file(cls, texts: list[str], content: bytes) -> "Lessons":
        found = load(content)
        return cls(texts, found["targets"], found["weights"], int(found["n_labeled"][0]), found["linear"])


def lessons_of(texts: list[str], rows: np.ndarray, taught: Taught, recipe: FineTuningRecipe) -> Lessons:
    """Turn what the cached engine taught into lessons; `rows` of the texts bear human labels, all others do not."""
    others = np.setdiff1d(np.arange(len(texts)), rows)
    order = np.concatenate([rows, others])
    guesses = taught.pseudo_labels[order]
    weights = guesses.max(axis=1) ** recipe.confidence_power
    weights[: len(rows)] = 1
    targets = normalized(guesses**recipe.sharpness).astype(np.float32)
    targets[: len(rows)] = guesses[: len(rows)]
    return Lessons([texts[row] for row in order], targets, weights.astype(np.float32), len(rows),
                   np.ascontiguousarray(taught.linear, np.float32))
