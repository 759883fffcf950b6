"""Which texts are kept: of good length, new, apart from the gate set, balanced; and when the student is overruled."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_matrix
from scipy.stats import binomtest
from sklearn.feature_extraction.text import HashingVectorizer

N_FEATURES = 2**18
BLOCK_ROWS = 1_024
MAX_P_VALUE = 0.1                                     # that the language model is no better than the student


def of_length(texts: Sequence[str], min_chars: int, max_chars: int) -> np.ndarray:
    """Keep texts within the bounds, (n,)."""
    return np.array([min_chars <= len(text) <= max_chars for text in texts], bool)


def apart(texts: Sequence[str], others: Sequence[str], max_similarity: float) -> np.ndarray:
    """Keep texts that resemble none of `others` more than `max_similarity`, (n,)."""
    if not texts or not others:
        return np.ones(len(texts), bool)
    nearest, other_grams = np.zeros(len(texts)), ngrams(others)
    grams = ngrams(texts)
    for start in range(0, len(texts), BLOCK_ROWS):
        block = grams[start : start + BLOCK_ROWS] @ other_grams.T
        nearest[start : start + BLOCK_ROWS] = block.max(axis=1).toarray()[:, 0]
    return nearest <= max_similarity


def first_of_kind(texts: Sequence[str], max_similarity: float) -> np.ndarray:
    """Keep a text unless one kept before it resembles it more than `max_similarity`, (n,)."""
    is_kept, grams = np.ones(len(texts), bool), ngrams(texts)
    for start in range(0, len(texts), BLOCK_ROWS):
        near = (grams[start : start + BLOCK_ROWS] @ grams[: start + BLOCK_ROWS].T).tocsr()
        for row in range(near.shape[0]):
            cells = slice(near.indptr[row], near.indptr[row + 1])
            alike = near.indices[cells][near.data[cells] > max_similarity]
            is_kept[start + row] = not is_kept[alike[alike < start + row]].any()
    return is_kept


def balanced(classes: np.ndarray, trust: np.ndarray, max_imbalance: float) -> np.ndarray:
    """Keep of each class its most trusted, up to `max_imbalance` times what the median class has, (n,)."""
    is_kept = np.zeros(len(classes), bool)
    present, counts = np.unique(classes, return_counts=True)
    limit = int(np.ceil(max_imbalance * np.median(counts))) if len(counts) else 0
    for number in present:
        rows = np.flatnonzero(classes == number)
        is_kept[rows[np.argsort(-trust[rows], kind="stable")[:limit]]] = True
    return is_kept


def may_overrule(model_is_right: np.ndarray, student_is_right: np.ndarray) -> bool:
    """Say whether the model beats the student on human labels: an exact one-sided sign test where they differ."""
    wins = int((model_is_right & ~student_is_right).sum())
    losses = int((student_is_right & ~model_is_right).sum())
    return wins > losses and binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue <= MAX_P_VALUE


def ngrams(texts: Sequence[str]) -> csr_matrix:
    """Return character trigrams within words, (n, N_FEATURES), rows of length 1; case does not count."""
    hashing = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 3), n_features=N_FEATURES, binary=True,
                                alternate_sign=False, dtype=np.float32)
    return csr_matrix(hashing.transform(list(texts)))


class Sieve:
    """Applies filters in turn to the rows that are left, and counts what each took out."""

    def __init__(self, n: int) -> None:
        self.rows, self.dropped = np.arange(n), dict[str, int]()

    def keep(self, name: str, judge: Callable[[np.ndarray], np.ndarray]) -> None:
        """Keep the rows for which `judge(rows)` is true."""
        is_kept = judge(self.rows) if len(self.rows) else np.zeros(0, bool)
        self.dropped[name] = int((~is_kept).sum())
        self.rows = self.rows[is_kept]
