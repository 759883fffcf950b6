"""Pretrains a table of n-gram vectors: latent semantic analysis, then contrast of two views of each text."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor

from serving.predictor import NgramFeatures
from trainer.recipe import SubwordRecipe

OVERSAMPLES, POWER_ROUNDS = 10, 2                     # of the factorization; more change nothing here
FEATURIZED_TEXTS = 1_024                              # at a time: one long text pads all others of its chunk


def pretrain(texts: Sequence[str], featurize: NgramFeatures, recipe: SubwordRecipe, seed: int,
             report: Callable[[float], None]) -> Tensor:
    """Return the (n_buckets + 1, d) table; seeded, and the same on each run with as many threads."""
    report(0.0)
    counts = count_matrix(texts, featurize)
    table = torch.from_numpy(semantic_table(counts, recipe.dimensions, seed))
    report(0.3)
    return contrast(table, counts, recipe, seed, lambda done: report(0.3 + 0.7 * done))


def count_matrix(texts: Sequence[str], featurize: NgramFeatures) -> sparse.csr_matrix:
    """Return how often each text holds each n-gram, (n_texts, n_buckets + 1)."""
    parts = []
    for start in range(0, len(texts), FEATURIZED_TEXTS):
        ids = featurize(list(texts[start : start + FEATURIZED_TEXTS]))["ngram_ids"]
        rows, columns = np.nonzero(ids)
        shape = (len(ids), featurize.config.n_rows)
        parts.append(sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, ids[rows, columns])), shape=shape))
    return sparse.vstack(parts, format="csr")


def semantic_table(counts: sparse.csr_matrix, dimensions: int, seed: int) -> np.ndarray:
    """Return vectors whose sum over a text's n-grams is its latent semantic analysis.

    TF-IDF rows of length 1 are factorized, X = U S V'; the row of an n-gram is its idf
    times its row of V * sqrt(S). Stressing the leading directions, on which much of the
    bank agrees, taught more from 1 to 10 labels per class than evening them out
    (train texts of 3i4K and ParaKQC).
    """
    n_texts = counts.shape[0]
    document_frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.where(document_frequency > 0, np.log((1 + n_texts) / (1 + document_frequency)) + 1, 0).astype(np.float32)
    weighted = counts.multiply(idf[None, :]).tocsr()
    lengths = np.sqrt(weighted.multiply(weighted).sum(axis=1)).A1.clip(min=1e-9)
    weighted = sparse.diags(1 / lengths).dot(weighted).astype(np.float32)
    rank = min(dimensions, min(weighted.shape) - 1)
    values, directions = leading_directions(weighted, rank, seed)
    table = np.zeros((counts.shape[1], dimensions), np.float32)
    table[:, :rank] = idf[:, None] * (directions.T * np.sqrt(values))
    return table


def leading_directions(matrix: sparse.csr_matrix, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest singular values (rank,) and right singular vectors (rank, columns) of a sparse matrix.

    Randomized subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4).
    """
    n_probes = min(rank + OVERSAMPLES, *matrix.shape)
    probes = np.random.default_rng(seed).standard_normal((matrix.shape[1], n_probes), dtype=np.float32)
    basis, _ = np.linalg.qr(matrix @ probes)
    for _ in range(POWER_ROUNDS):
        basis, _ = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])
    _, values, directions = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    return values[:rank], directions[:rank]


def contrast(table: Tensor, counts: sparse.csr_matrix, recipe: SubwordRecipe, seed: int,
             report: Callable[[float], None]) -> Tensor:
    """Pull two views of one text together and push other texts away (InfoNCE; SimCSE, arXiv 2104.08821).

    A view keeps each n-gram with probability 1 - ngram_dropout.
    """
    if recipe.epochs == 0:
        return table
    generator = np.random.default_rng(seed)
    rows = torch.nn.Parameter(table.clone())
    scale = float(table[1:].norm(dim=1).mean().clamp(min=1e-6))         # steps in units of the table's own size
    optimizer = torch.optim.SparseAdam([rows], lr=recipe.learning_rate * scale)
    n_steps = max(counts.shape[0] // recipe.batch_rows, 1)
    for epoch in range(recipe.epochs):
        order = generator.permutation(counts.shape[0])
        for step in range(n_steps):
            report((epoch * n_steps + step) / (recipe.epochs * n_steps))
            batch = counts[order[step * recipe.batch_rows : (step + 1) * recipe.batch_rows]]
            first, second = (F.normalize(bag(rows, batch, view(batch, recipe.ngram_dropout, generator)), dim=-1)
                             for _ in range(2))
            optimizer.zero_grad()
            info_nce(first, second, recipe.temperature).backward()
            optimizer.step()
    return rows.detach()


def info_nce(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the loss of telling each row's own second view among the batch, both ways."""
    similarities = first @ second.T / temperature                       # (B, B)
    own = torch.arange(len(first))
    return (F.cross_entropy(similarities, own) + F.cross_entropy(similarities.T, own)) / 2


def view(batch: sparse.csr_matrix, dropout: float, generator: np.random.Generator) -> np.ndarray:
    """Return the weights of the n-grams that a view keeps."""
    return batch.data * (generator.random(batch.nnz, dtype=np.float32) >= dropout)


def bag(rows: Tensor, batch: sparse.csr_matrix, weights: np.ndarray) -> Tensor:
    """Return the weighted sum of each text's n-gram vectors, (B, d)."""
    ids = torch.from_numpy(batch.indices.astype(np.int64))
    offsets = torch.from_numpy(batch.indptr[:-1].astype(np.int64))
    return F.embedding_bag(ids, rows, offsets, mode="sum", sparse=True,
                           per_sample_weights=torch.from_numpy(weights))
