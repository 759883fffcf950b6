"""What known classes teach about distance: directions in which one class varies count for less."""

from dataclasses import dataclass

import numpy as np

from trainer.learning.embedded import Labeled


@dataclass(frozen=True)
class Metric:
    """Maps vectors (n, d) to (n, d) of length 1 in which classes are about round."""

    mean: np.ndarray
    whitening: np.ndarray                             # (d, d)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return unit((vectors - self.mean) @ self.whitening)


def learn_metric(labeled: Labeled, vectors: np.ndarray, shrinkage: float) -> Metric:
    """Whiten by how labeled texts vary within their classes, around the mean of all `vectors`.

    The covariance is shrunk to a round one; classes of a single label say nothing and
    without any pair of labels in one class distances stay as they are.
    """
    n_dimensions = vectors.shape[1]
    inside = labeled.vectors - class_means(labeled)[labeled.classes]
    freedom = len(labeled) - np.count_nonzero(labeled.counts())
    if freedom < 1:
        return Metric(vectors.mean(axis=0), np.eye(n_dimensions))
    covariance = inside.T @ inside / freedom
    even = np.trace(covariance) / n_dimensions * np.eye(n_dimensions)
    values, directions = np.linalg.eigh((1 - shrinkage) * covariance + shrinkage * even)
    return Metric(vectors.mean(axis=0), directions / np.sqrt(values.clip(min=1e-12)))


def class_means(labeled: Labeled) -> np.ndarray:
    """Return the mean vector of each class, (C, d); zeros where a class has no label."""
    sums = np.zeros((labeled.n_classes, labeled.vectors.shape[1]))
    np.add.at(sums, labeled.classes, labeled.vectors)
    return sums / labeled.counts().clip(min=1)[:, None]


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12))
