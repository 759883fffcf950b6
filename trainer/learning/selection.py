"""Out-of-domain texts: which of many foreign ones are near enough to the task to learn from."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.mixture import GaussianMixture

from trainer.learning.embedded import Labeled
from trainer.learning.head import fit_linear, logits_of
from trainer.recipe import OutOfDomainRecipe

BLOCK_ROWS = 8_192
N_ROUNDS, SURELY_FOREIGN, MIN_NEGATIVES = 2, 0.7, 1_000


@dataclass(frozen=True)
class Selected:
    """Rows (n,) of the pool, best first, and how near to the task each is by the method that chose."""

    rows: np.ndarray
    scores: np.ndarray


def select(labeled: Labeled, names: np.ndarray | None, pool: np.ndarray, recipe: OutOfDomainRecipe,
           seed: int) -> Selected:
    """Choose the rows of `pool` (N, d) that are near enough, `max_texts` at most; none if fewer than `min_texts` are.

    `names` (C, d) are more examples of the task where label names say something. Both methods
    are exact and seeded; they rank, and how near is near enough is told by the examples.
    """
    known = labeled.with_names(names)
    nearness = _by_retrieval(known.vectors, pool, recipe.n_neighbors)
    n_near = int((_are_near(nearness, known.vectors, recipe) & _are_of_the_nearer(nearness, seed)).sum())
    scores = nearness if recipe.method == "retrieval" else _by_classifier(known, pool, recipe, seed)
    n_taken = min(n_near, recipe.max_texts) if n_near >= recipe.min_texts else 0
    rows = np.argsort(-scores, kind="stable")[:n_taken]
    return Selected(rows, scores[rows])


def _are_near(nearness: np.ndarray, known: np.ndarray, recipe: OutOfDomainRecipe) -> np.ndarray:
    """Say which texts are as near to the examples as all but `far_share` of these are to one another, (N,)."""
    n_others = min(recipe.n_neighbors, len(known) - 1)
    with_itself = _by_retrieval(known, known, n_others + 1)                   # each has a cosine of 1 to itself
    return np.asarray(nearness >= np.quantile((with_itself * (n_others + 1) - 1) / n_others, recipe.far_share))


def _are_of_the_nearer(nearness: np.ndarray, seed: int) -> np.ndarray:
    """Say which texts are likelier of the nearer of two normal distributions, (N,); all, if one explains them as well.

    The Bayesian information criterion weighs one distribution against two.
    """
    scores = nearness[:, None]
    if len(scores) <= 2:
        return np.ones(len(scores), bool)
    one, two = (GaussianMixture(n, random_state=seed).fit(scores) for n in (1, 2))
    if one.bic(scores) <= two.bic(scores):
        return np.ones(len(scores), bool)
    return np.asarray(two.predict(scores) == two.means_.argmax())


def _by_retrieval(known: np.ndarray, pool: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Score a text by its mean cosine to the nearest known texts, (N,)."""
    examples, scores = torch.from_numpy(known).T, []
    n_nearest = min(n_neighbors, len(known))
    for start in range(0, len(pool), BLOCK_ROWS):
        block = torch.from_numpy(np.ascontiguousarray(pool[start : start + BLOCK_ROWS]))
        scores.append((block @ examples).topk(n_nearest, dim=1).values.mean(dim=1).numpy())
    return np.concatenate(scores)


def _by_classifier(known: Labeled, pool: np.ndarray, recipe: OutOfDomainRecipe, seed: int) -> np.ndarray:
    """Score a text by how much likelier its best class is than one more class, the foreign texts, (N,).

    The pool may hold texts of the task, so it is no clean negative class: what one round
    finds likeliest is left out of the negatives of the next (two-step learning from
    positive and unlabeled texts; Liu et al., ICDM 2003).
    """
    generator, foreign = np.random.default_rng(seed), known.n_classes
    scores = _by_retrieval(known.vectors, pool, 1)
    for _ in range(N_ROUNDS):
        far = np.flatnonzero(scores <= np.quantile(scores, SURELY_FOREIGN))
        negatives = pool[generator.permutation(far)[: max(len(known), MIN_NEGATIVES)]]
        both = Labeled(np.concatenate([known.vectors, negatives]),
                       np.concatenate([known.classes, np.full(len(negatives), foreign)]), foreign + 1)
        logits = logits_of(fit_linear(both, recipe.strength), pool)
        scores = logits[:, :foreign].max(axis=1) - logits[:, foreign]
    return scores
