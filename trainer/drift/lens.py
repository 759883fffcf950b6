"""What is looked at: numbers per text whose means tell one stretch of a stream from another."""

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from trainer.drift.observed import Observed
from trainer.drift.recipe import DriftRecipe
from trainer.drift.words import commonest, lengths, presence, script_shares

TAILS = (0.5, 0.75, 0.9, 0.95, 0.99)                  # of novelty
BINS = np.linspace(0.1, 0.9, 9)                       # of confidence and length, by the reference's quantiles
FAMILIES = {"text": ("kernel", "directions", "clusters"), "predictions": ("labels", "confidence"),
            "novelty": ("novelty",), "words": ("words", "length", "scripts"), "sources": ("sources",)}
# Where few of many numbers may move (one word, one cluster), the largest move is a test of its own.
SPARSE = ("clusters", "labels", "words", "sources")


@dataclass(frozen=True)
class Lens:
    """Fitted on texts of the reference that are not tested: what the tested ones show is no echo of the fit."""

    words: list[str]
    centers: np.ndarray                               # (k, d)
    frequencies: np.ndarray                           # (d, p), and the phase of each
    phases: np.ndarray
    mean: np.ndarray                                  # (d,), and principal axes (d, q), scaled to variance 1
    axes: np.ndarray
    tails: np.ndarray
    confidence_bins: np.ndarray
    length_bins: np.ndarray
    sources: list[str]

    def features(self, observed: Observed) -> dict[str, np.ndarray]:
        """Return (n, p) per component."""
        found = {
            "kernel": np.cos(observed.vectors @ self.frequencies + self.phases),
            "directions": (observed.vectors - self.mean) @ self.axes,
            "clusters": one_hot(self.cluster_of(observed.vectors), len(self.centers)),
            "labels": observed.probs,
            "confidence": one_hot(np.searchsorted(self.confidence_bins, observed.probs.max(axis=1)),
                                  len(self.confidence_bins) + 1),
            "novelty": observed.novelty[:, None] > self.tails,
            "words": presence(observed.texts, self.words),
            "length": one_hot(np.searchsorted(self.length_bins, lengths(observed.texts)), len(self.length_bins) + 1),
            "scripts": script_shares(observed.texts),
            "sources": one_hot(np.array([self._source(source) for source in observed.sources]), len(self.sources) + 1),
        }
        return {name: np.asarray(values, np.float32) for name, values in found.items()}

    def cluster_of(self, vectors: np.ndarray) -> np.ndarray:
        return (vectors @ self.centers.T - (self.centers**2).sum(axis=1) / 2).argmax(axis=1)

    def _source(self, source: str) -> int:
        return self.sources.index(source) if source in self.sources else len(self.sources)


def fit_lens(observed: Observed, recipe: DriftRecipe, seed: int) -> Lens:
    """Fit on a sample of the reference; seeded."""
    vectors, generator = observed.vectors, np.random.default_rng(seed)
    n_clusters = min(recipe.n_clusters, len(vectors) // 10)
    clusters = KMeans(n_clusters, n_init=1, max_iter=30, random_state=seed).fit(vectors)
    principal = PCA(min(recipe.n_directions, vectors.shape[1]), random_state=seed).fit(vectors)
    width = kernel_width(vectors, generator)
    frequencies = generator.normal(0, 1 / width, (vectors.shape[1], recipe.n_frequencies))
    return Lens(
        words=commonest(observed.texts, recipe.n_words), centers=clusters.cluster_centers_.astype(np.float32),
        frequencies=frequencies.astype(np.float32),
        phases=generator.uniform(0, 2 * np.pi, recipe.n_frequencies).astype(np.float32),
        mean=principal.mean_, axes=principal.components_.T / np.sqrt(principal.explained_variance_.clip(min=1e-9)),
        tails=np.quantile(observed.novelty, TAILS),
        confidence_bins=np.unique(np.quantile(observed.probs.max(axis=1), BINS)),
        length_bins=np.unique(np.quantile(lengths(observed.texts), BINS)), sources=sorted(set(observed.sources)),
    )


def kernel_width(vectors: np.ndarray, generator: np.random.Generator) -> float:
    """Return the median distance of two texts, the usual width of the Gaussian kernel."""
    one, other = generator.integers(0, len(vectors), (2, 2_000))
    return float(np.median(np.linalg.norm(vectors[one] - vectors[other], axis=1))) or 1.0


def one_hot(numbers: np.ndarray, n: int) -> np.ndarray:
    return np.eye(n, dtype=np.float32)[numbers]
