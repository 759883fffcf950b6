"""What known classes teach about distance: directions in which one class varies count for less."""

from dataclasses import dataclass

import numpy as np

from trainer.learning.embedded import Labeled

SHRINKAGE = 0.3                                       # of the within-class covariance; BANKING77 liked it best
DIMENSIONS = 64


@dataclass(frozen=True)
class Metric:
    """Maps vectors (n, d) to (n, q) of length 1 in which classes are about round."""

    mean: np.ndarray
    whitening: np.ndarray                             # (d, d)
    center: np.ndarray
    axes: np.ndarray                                  # (d, q)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return unit((unit((vectors - self.mean) @ self.whitening) - self.center) @ self.axes)


def learn_metric(labeled: Labeled, vectors: np.ndarray) -> Metric:
    """Whiten by how labeled texts vary within their classes, then keep the main directions of all `vectors`."""
    mean = vectors.mean(axis=0)
    present = labeled.counts() > 0
    sums = np.zeros((labeled.n_classes, vectors.shape[1]))
    np.add.at(sums, labeled.classes, labeled.vectors)
    means = sums[present] / labeled.counts()[present, None]
    inside = labeled.vectors - means[(np.cumsum(present) - 1)[labeled.classes]]
    covariance = inside.T @ inside / max(len(labeled) - len(means), 1)
    n_dimensions = len(covariance)
    even = np.trace(covariance) / n_dimensions * np.eye(n_dimensions)
    values, directions = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * even)
    whitening = directions / np.sqrt(values.clip(min=1e-12))
    whitened = unit((vectors - mean) @ whitening)
    axes = np.linalg.eigh(np.cov(whitened.T))[1][:, -min(DIMENSIONS, n_dimensions) :]
    return Metric(mean, whitening, whitened.mean(axis=0), axes)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
