"""Factorizes large sparse matrices."""

import numpy as np
from scipy import sparse

OVERSAMPLES, POWER_ROUNDS = 10, 2                     # more change nothing here


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
