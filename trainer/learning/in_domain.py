"""In-domain semi-supervised learning on cached vectors: labels spread over the bank, and one head learns the result."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from trainer.learning.alignment import aligned, estimated_prior, normalized
from trainer.learning.embedded import Labeled
from trainer.learning.head import logits_of, one_thread
from trainer.learning.neighborhood import Neighborhood
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe, InDomainRecipe


@dataclass(frozen=True)
class Taught:
    """A linear head, weight and bias side by side (C, d + 1), and the pseudo-labels (N, C) it learned from."""

    linear: np.ndarray
    pseudo_labels: np.ndarray


@dataclass(frozen=True)
class Domain:
    """The bank as a neighborhood whose first texts are the labeled ones, and the label names if they say something."""

    neighborhood: Neighborhood
    names: np.ndarray | None                          # (C, d)

    def teach(self, rows: np.ndarray, labeled: Labeled, recipe: InDomainRecipe, head: HeadRecipe, seed: int) -> Taught:
        """Learn from the labels at `rows` of the neighborhood; no other row's label is used.

        Two teachers that err differently, the graph and a head on the labels alone, guess
        every text of the bank; the student fits the product of their aligned guesses.
        """
        vectors = self.neighborhood.vectors
        by_head = self._by_head(labeled, head, seed)
        by_graph = self._by_graph(rows, labeled, recipe)
        per_class = len(labeled) / labeled.n_classes
        prior = estimated_prior(normalized(by_head) + normalized(by_graph),
                                trust=per_class / (per_class + recipe.prior_labels) if per_class else 0.0)
        guesses = normalized(aligned(by_head, prior) * aligned(by_graph, prior))
        guesses = aligned(guesses, prior)
        guesses[rows] = np.eye(labeled.n_classes)[labeled.classes]
        weights = guesses.max(axis=1) ** recipe.confidence_power
        weights[rows] = max(1.0, recipe.label_share * len(vectors) / len(rows))
        targets = normalized(guesses**recipe.sharpness)
        linear = fit_soft_linear(vectors, targets, weights, recipe.strength, recipe.n_iterations)
        return Taught(linear, guesses)

    def _by_head(self, labeled: Labeled, recipe: HeadRecipe, seed: int) -> np.ndarray:
        """Guess by a head on the labels, and on the names as one more label each."""
        if self.names is not None:
            labeled = Labeled(np.concatenate([labeled.vectors, self.names]),
                              np.concatenate([labeled.classes, np.arange(labeled.n_classes)]), labeled.n_classes)
        return learn_supervised(labeled, recipe, seed).probs(self.neighborhood.vectors)

    def _by_graph(self, rows: np.ndarray, labeled: Labeled, recipe: InDomainRecipe) -> np.ndarray:
        """Guess by spreading one unit of seed per class, shared by its labels, and a part for its name."""
        counts = labeled.counts()
        seeds = np.zeros((len(self.neighborhood), labeled.n_classes), np.float32)
        seeds[rows, labeled.classes] = 1 / counts[labeled.classes]
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


def fit_soft_linear(vectors: np.ndarray, targets: np.ndarray, weights: np.ndarray, strength: float,
                    n_iterations: int) -> np.ndarray:
    """Return weight and bias side by side, (C, d + 1), fitted to soft targets (n, C).

    Minimizes the weighted mean cross-entropy plus `|weight|^2 / (2 * strength)`; nothing is random.
    """
    inputs = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    wanted = torch.from_numpy((targets * (weights / weights.sum())[:, None]).astype(np.float32))
    linear = torch.zeros((targets.shape[1], vectors.shape[1] + 1), requires_grad=True)
    optimizer = torch.optim.LBFGS([linear], max_iter=n_iterations, history_size=10, line_search_fn="strong_wolfe",
                                  tolerance_grad=1e-6, tolerance_change=1e-7)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = torch.addmm(linear[:, -1], inputs, linear[:, :-1].T)
        total = -(wanted * F.log_softmax(logits, dim=-1)).sum() + linear[:, :-1].square().sum() / (2 * strength)
        total.backward()
        return total

    with one_thread():
        optimizer.step(loss)
    return linear.detach().numpy()


def probs_of(linear: np.ndarray, vectors: np.ndarray, temperature: float) -> np.ndarray:
    """Return (n, C) probabilities."""
    logits = torch.from_numpy(logits_of(linear, vectors) / np.float32(temperature))
    return F.softmax(logits, dim=-1).numpy()
