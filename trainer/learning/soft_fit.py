"""Fits a linear head to soft targets."""

import numpy as np
import torch
import torch.nn.functional as F

from trainer.learning.head import one_thread


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
