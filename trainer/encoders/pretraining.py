"""Pretrains a table of n-gram vectors: what texts hold together, and what stands beside what."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from scipy import sparse
from torch import Tensor

from serving.predictor import NgramFeatures
from trainer.encoders.contexts import context_table
from trainer.encoders.counts import count_matrix
from trainer.encoders.factorization import leading_directions
from trainer.recipe import SubwordRecipe

CENTERED_ROWS = 16_384                                # texts whose blocks are summed at once

# Returns what was kept under a name, or makes it: an interrupted pretraining goes on behind what it finished.
Part = Callable[[str, Callable[[], bytes]], bytes]


def pretrain(texts: Sequence[str], featurize: NgramFeatures, recipe: SubwordRecipe, seed: int,
             report: Callable[[float], None], part: Part = lambda _name, make: make(),
             context: Tensor | None = None) -> dict[str, Tensor]:
    """Return the table (n_buckets + 1, d), the widths of its blocks, and the usual vector (d,) of a text.

    `context` is a block that was learned from other texts. Seeded, and the same on each
    run with as many threads.
    """
    report(0.0)
    counts = count_matrix(texts, featurize)
    report(0.1)
    semantic = _tensor(part("semantic.safetensors", lambda: save({"table": _semantic(counts, recipe, seed, report)})))
    report(0.5)
    if context is None:
        context = _tensor(part("context.safetensors", lambda: save({"table": torch.from_numpy(
            context_table(texts, featurize, recipe, seed, lambda done: report(0.5 + 0.45 * done)))})))
    usual = torch.cat([torch.zeros(semantic.shape[1]), _usual(counts, context)])
    return {"table": torch.cat([semantic, context], dim=1).contiguous(), "usual": usual,
            "widths": torch.tensor([semantic.shape[1], context.shape[1]])}


def _tensor(content: bytes) -> Tensor:
    return load(content)["table"]


def _semantic(counts: sparse.csr_matrix, recipe: SubwordRecipe, seed: int, report: Callable[[float], None]) -> Tensor:
    table = torch.from_numpy(semantic_table(counts, recipe.dimensions, seed))
    return contrast(table, counts, recipe, seed, lambda done: report(0.3 + 0.2 * done))


def _usual(counts: sparse.csr_matrix, block: Tensor) -> Tensor:
    """Return the mean of all texts' unit vectors: what they have in common says nothing of any class."""
    total = torch.zeros(block.shape[1])
    for start in range(0, counts.shape[0], CENTERED_ROWS):
        vectors = torch.from_numpy(counts[start : start + CENTERED_ROWS] @ block.numpy())
        total += F.normalize(vectors, dim=-1).sum(dim=0)
    return total / counts.shape[0]


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
    values, directions = leading_directions(weighted, dimensions, seed)
    table = np.zeros((counts.shape[1], dimensions), np.float32)
    table[:, : len(values)] = idf[:, None] * (directions.T * np.sqrt(values))
    return table


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
