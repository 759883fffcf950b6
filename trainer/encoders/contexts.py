"""Vectors of n-grams by their company: what stands in the words beside those that hold them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from serving.predictor import NgramFeatures
from trainer.encoders.counts import count_matrix
from trainer.encoders.factorization import leading_directions
from trainer.recipe import SubwordRecipe

EVENED = 0.75                                         # power of a context's count (Levy, Goldberg, Dagan 2015)
LEAST = 1e-6


@dataclass(frozen=True)
class Words:
    """The distinct words of a bank, and the whole bank as numbers of them."""

    distinct: list[str]
    numbers: np.ndarray                               # (n,) of each word in the order of the texts
    owners: np.ndarray                                # (n,) the text that each stands in

    @classmethod
    def of(cls, texts: Sequence[str], max_chars: int) -> "Words":
        known: dict[str, int] = {}
        split = [text[:max_chars].lower().split() for text in texts]
        numbers = [known.setdefault(word, len(known)) for words in split for word in words]
        owners = np.repeat(np.arange(len(texts)), [len(words) for words in split])
        return cls(list(known), np.array(numbers, np.int64), owners)

    def counts(self) -> np.ndarray:
        return np.bincount(self.numbers, minlength=len(self.distinct)).astype(np.float32)

    def followers(self, window: int) -> sparse.csr_matrix:
        """Return how often each word (columns) stands behind each other (rows), at most `window` words apart."""
        n = len(self.distinct)
        pairs = [(self.numbers[:-step][self.owners[:-step] == self.owners[step:]],
                  self.numbers[step:][self.owners[:-step] == self.owners[step:]])
                 for step in range(1, min(window, len(self.numbers) - 1) + 1)]
        rows, columns = (np.concatenate([pair[side] for pair in pairs] or [np.empty(0, np.int64)]) for side in (0, 1))
        return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(n, n))


def context_table(texts: Sequence[str], featurize: NgramFeatures, recipe: SubwordRecipe, seed: int,
                  report: Callable[[float], None]) -> np.ndarray:
    """Return (n_buckets + 1, context_dimensions): the vector of each n-gram, times how rare it is.

    The positive pointwise mutual information of n-grams with the n-grams of the words
    before and behind theirs is factorized: what skip-gram vectors converge to (Levy &
    Goldberg, NIPS 2014), without passes over the bank.
    """
    words, inner = Words.of(texts, recipe.max_chars), featurize.config.model_copy(update={"has_edges": False})
    held = count_matrix(words.distinct, NgramFeatures(inner.model_dump_json().encode()))      # (words, n_buckets + 1)
    counts = held.T @ words.counts()
    report(0.2)
    company = information(_company(held, counts, words.followers(recipe.window), recipe.n_contexts))
    report(0.5)
    values, directions = leading_directions(company, recipe.context_dimensions, seed)
    rarity = np.log(1 + counts.max(initial=1) / counts.clip(min=1)).astype(np.float32)
    table = np.zeros((held.shape[1], recipe.context_dimensions), np.float32)
    table[:, : len(values)] = rarity[:, None] * (company @ directions.T) / np.sqrt(values.clip(min=LEAST))
    return table


def _company(held: sparse.csr_matrix, counts: np.ndarray, followers: sparse.csr_matrix,
             n_contexts: int) -> sparse.csr_matrix:
    """Return how often each n-gram (rows) has each of the commonest before it and behind it (columns)."""
    commonest = np.sort(np.argsort(-counts, kind="stable")[: n_contexts // 2])
    context = held[:, commonest]
    before, behind = (held.T @ (side @ context) for side in (followers.T.tocsr(), followers))
    return sparse.hstack([before, behind], format="csr")


def information(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return positive pointwise mutual information of rows and columns, in place of `counts`."""
    total, of_rows, of_columns = counts.sum(), counts.sum(axis=1).A1, counts.sum(axis=0).A1 ** EVENED
    of_columns *= total / max(of_columns.sum(), LEAST)
    rows = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(counts.indptr))
    counts.data = np.log(counts.data * total / (of_rows[rows] * of_columns[counts.indices]))
    counts.data[counts.data < 0] = 0
    counts.eliminate_zeros()
    return counts
