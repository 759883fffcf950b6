"""Factorizes large sparse matrices."""

import numpy as np
from scipy import sparse

OVERSAMPLES, POWER_ROUNDS = 10, 2                     # more change nothing here


def leading_directions(matrix: sparse.csr_matrix, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest singular values (k,) and right singular vectors (k, columns) of a sparse matrix.

    Randomized subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4) on the
    rows and columns that hold anything; k is `rank`, or less where there are fewer.
    """
    n_columns, columns = matrix.shape[1], np.unique(matrix.indices)
    if not len(columns):
        return np.empty(0, np.float32), np.empty((0, n_columns), np.float32)
    matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))][:, columns]
    n_probes = min(rank + OVERSAMPLES, *matrix.shape)
    probes = np.random.default_rng(seed).standard_normal((matrix.shape[1], n_probes), dtype=np.float32)
    basis, _ = np.linalg.qr(matrix @ probes)
    for _ in range(POWER_ROUNDS):
        basis, _ = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])
    _, values, found = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    directions = np.zeros((min(rank, len(values)), n_columns), np.float32)
    directions[:, columns] = found[:rank]
    return values[:rank], directions
