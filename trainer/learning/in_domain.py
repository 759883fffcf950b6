"""In-domain semi-supervised learning on cached vectors: labels spread over the bank, and one head learns the result."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from trainer.learning.advised import Advice, guesses_by_head
from trainer.learning.alignment import aligned, counted_prior, estimated_prior, normalized
from trainer.learning.embedded import Labeled
from trainer.learning.head import Head, logits_of
from trainer.learning.neighborhood import Neighborhood
from trainer.learning.refinement import refined
from trainer.learning.soft_fit import fit_soft_linear
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe, InDomainRecipe

LEAST_SEED = 1e-6


@dataclass(frozen=True)
class Taught:
    """A linear head, weight and bias side by side (C, d + 1), and the pseudo-labels (N, C) it learned from."""

    linear: np.ndarray
    pseudo_labels: np.ndarray


@dataclass(frozen=True)
class Domain:
    """The bank as a neighborhood, labeled texts first and advice last; the label names if they say something."""

    neighborhood: Neighborhood
    names: np.ndarray | None                          # (C, d)
    advice: Advice | None = None

    def teach(self, rows: np.ndarray, labeled: Labeled, recipe: InDomainRecipe, head: HeadRecipe, seed: int,
              plain: Head | None = None) -> Taught:
        """Learn from the labels at `rows` of the neighborhood; no other row's label is used.

        `plain` is the head on these labels and the names, if it was learned already.

        Two teachers that err differently, the graph and a head on the labels alone, guess
        every text of the bank; the student fits the product of their aligned guesses. Where
        classes are few, consistency training refines the student.
        """
        vectors = self.neighborhood.vectors
        advice = None if self.advice is None else self.advice.made_of(rows)
        by_head = self._by_head(labeled, advice, head, recipe, seed, plain)
        by_graph = self._by_graph(rows, labeled, advice, recipe)
        per_class = len(labeled) / labeled.n_classes
        prior = estimated_prior(by_head, trust=per_class / (per_class + recipe.prior_labels) if per_class else 0.0,
                                otherwise=counted_prior(by_graph))
        guesses = normalized(aligned(by_head, prior) * aligned(by_graph, prior))
        guesses = told(aligned(guesses, prior), rows, labeled, advice)
        linear = self._student(guesses, rows, recipe)
        if recipe.refines(labeled.n_classes):
            sharper = refined(labeled, vectors, softmax(logits_of(linear, vectors), axis=1), prior, recipe, seed)
            linear = self._student(told(sharper, rows, labeled, advice), rows, recipe)
        return Taught(linear, guesses)

    def _student(self, guesses: np.ndarray, rows: np.ndarray, recipe: InDomainRecipe) -> np.ndarray:
        """Fit the guesses (N, C), sharpened, and the names; sure guesses count for more.

        What people said, labels and names, counts for a share of all texts at least.
        """
        vectors, names = self.neighborhood.vectors, self.names if self.names is not None else np.empty((0, 1))
        weights = guesses.max(axis=1) ** recipe.confidence_power
        weights[rows] = said = max(1.0, recipe.label_share * len(vectors) / max(len(rows) + len(names), 1))
        targets = normalized(guesses**recipe.sharpness)
        if len(names):
            vectors, targets = np.concatenate([vectors, names]), np.concatenate([targets, np.eye(len(names))])
            weights = np.concatenate([weights, np.full(len(names), said)])
        return fit_soft_linear(vectors, targets, weights, recipe.strength, recipe.n_iterations)

    def _by_head(self, labeled: Labeled, advice: Advice | None, head: HeadRecipe, recipe: InDomainRecipe,
                 seed: int, plain: Head | None) -> np.ndarray:
        """Guess by a head on the labels, and on the names as one more label each."""
        labeled = labeled.with_names(self.names)
        if advice is not None:
            return guesses_by_head(self.neighborhood.vectors, labeled, advice, head, recipe, seed)
        return (plain or learn_supervised(labeled, head, seed)).probs(self.neighborhood.vectors)

    def _by_graph(self, rows: np.ndarray, labeled: Labeled, advice: Advice | None,
                  recipe: InDomainRecipe) -> np.ndarray:
        """Guess by spreading one unit of seed per class, shared by its labels and advice, and a part for its name."""
        seeds = np.zeros((len(self.neighborhood), labeled.n_classes), np.float32)
        seeds[rows, labeled.classes] = 1
        if advice is not None:
            seeds[len(seeds) - len(advice) :] = advice.weights()
        counts = seeds.sum(axis=0)
        seeds /= counts.clip(min=LEAST_SEED)
        if self.names is not None:
            seeds += self._named(rows, recipe) * np.minimum(recipe.name_weight / counts.clip(min=1), 0.5)
        return self.neighborhood.spread(seeds, recipe.alpha, recipe.n_steps)

    def _named(self, rows: np.ndarray, recipe: InDomainRecipe) -> np.ndarray:
        """Return one unit of seed per class on the texts that are nearest to its name and to no other."""
        assert self.names is not None
        similarity = self.neighborhood.vectors @ self.names.T / recipe.name_temperature
        guesses = np.exp(similarity - similarity.max(axis=1, keepdims=True))
        guesses = aligned(guesses, np.full(len(self.names), 1 / len(self.names))) ** 2
        guesses[rows] = 0
        return (guesses / guesses.sum(axis=0).clip(min=1e-9)).astype(np.float32)


def told(guesses: np.ndarray, rows: np.ndarray, labeled: Labeled, advice: Advice | None) -> np.ndarray:
    """Return guesses (N, C) with the human labels in them; advice, the last rows, counts as far as it is trusted."""
    guesses = guesses.copy()
    guesses[rows] = np.eye(labeled.n_classes)[labeled.classes]
    if advice is not None:
        share, last = advice.trust[:, None], slice(len(guesses) - len(advice), None)
        guesses[last] = share * advice.soft_labels + (1 - share) * guesses[last]
    return guesses
