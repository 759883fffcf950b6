"""Counts the n-grams of texts."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from serving.predictor import NgramFeatures

FEATURIZED_TEXTS = 1_024                              # at a time: one long text pads all others of its chunk


def count_matrix(texts: Sequence[str], featurize: NgramFeatures) -> sparse.csr_matrix:
    """Return how often each text holds each n-gram, (n_texts, n_buckets + 1)."""
    parts = []
    for start in range(0, len(texts), FEATURIZED_TEXTS):
        ids = featurize(list(texts[start : start + FEATURIZED_TEXTS]))["ngram_ids"]
        rows, columns = np.nonzero(ids)
        shape = (len(ids), featurize.config.n_rows)
        parts.append(sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, ids[rows, columns])), shape=shape))
    return sparse.vstack(parts, format="csr")
