"""Learning with a language model's advice: its texts and labels count by how far each is trusted."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from trainer.learning.embedded import Labeled
from trainer.learning.head import logits_of
from trainer.learning.soft_fit import fit_soft_linear
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe, InDomainRecipe


@dataclass(frozen=True)
class Advice:
    """Texts that a language model wrote or labeled: vectors (n, d), soft labels (n, C), trust (n,) in [0, 1].

    `origins` are, per text, the labeled rows it was made of: what is held out must not
    come back as advice.
    """

    vectors: np.ndarray
    soft_labels: np.ndarray
    trust: np.ndarray
    origins: tuple[frozenset[int], ...]

    def __len__(self) -> int:
        return len(self.trust)

    def made_of(self, rows: np.ndarray) -> "Advice":
        """Keep the trust of what was made of `rows` alone, or of no labeled text; the rest counts as unlabeled."""
        known = set(rows.tolist())
        is_kept = np.array([origin <= known for origin in self.origins], bool)
        return Advice(self.vectors, self.soft_labels, np.where(is_kept, self.trust, 0), self.origins)

    def joined(self, other: "Advice") -> "Advice":
        return Advice(np.concatenate([self.vectors, other.vectors]),
                      np.concatenate([self.soft_labels, other.soft_labels]),
                      np.concatenate([self.trust, other.trust]), self.origins + other.origins)

    def weights(self) -> np.ndarray:
        """Return (n, C): how many human labels of each class a text counts as."""
        return np.asarray(self.soft_labels * self.trust[:, None])


def guesses_by_head(vectors: np.ndarray, labeled: Labeled, advice: Advice, head: HeadRecipe, recipe: InDomainRecipe,
                    seed: int) -> np.ndarray:
    """Guess (n, C) by one head on human labels and soft labels, each text weighing as much as it is trusted."""
    alone = learn_supervised(labeled, head, seed)     # its strength and temperature come of human labels only
    targets = np.concatenate([np.eye(labeled.n_classes)[labeled.classes], advice.soft_labels])
    weights = np.concatenate([np.ones(len(labeled)), advice.trust])
    linear = fit_soft_linear(np.concatenate([labeled.vectors, advice.vectors]), targets, weights,
                             float(alone.facts["strength"]) * float(weights.sum()), recipe.n_iterations)
    logits = torch.from_numpy(logits_of(linear, vectors) / np.float32(alone.temperature))
    return F.softmax(logits, dim=-1).numpy()
