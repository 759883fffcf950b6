"""How drift is looked for: sizes of windows and blocks, and the false alarms that are accepted."""

from dataclasses import dataclass

from trainer.ranges import check


@dataclass(frozen=True)
class DriftRecipe:
    """`alpha` is alarms per stable window, over all families together."""

    alpha: float = 0.01
    window_texts: int = 500
    reference_texts: int = 8_000                      # at most; a half fits the lens, the other half is tested
    min_reference_texts: int = 1_000
    block_texts: int = 20                             # neighbors that are moved together: they depend on one another
    n_permutations: int = 999
    confirming_alarms: int = 2                        # of the last `of_windows`, before anything is done about it
    of_windows: int = 3
    n_clusters: int = 32
    n_directions: int = 24                            # principal components of the embeddings
    n_frequencies: int = 192                          # random Fourier features of the Gaussian kernel
    n_words: int = 256
    n_examples: int = 20
    confidence: float = 0.95                          # of the band around the estimated accuracy

    def __post_init__(self) -> None:
        check(0 < self.alpha < 0.5, "drift.alpha", self.alpha, "above 0, below 0.5")
        check(self.n_permutations >= 1 / self.alpha, "drift.n_permutations", self.n_permutations, "at least 1 / alpha")
        check(2 <= self.block_texts <= self.window_texts // 4, "drift.block_texts", self.block_texts,
              "2 to a quarter of window_texts")
        check(self.window_texts * 2 <= self.min_reference_texts <= self.reference_texts, "drift.min_reference_texts",
              self.min_reference_texts, "two windows to reference_texts")
        check(1 <= self.confirming_alarms <= self.of_windows <= 50, "drift.confirming_alarms", self.confirming_alarms,
              "1 to of_windows, which is 50 at most")
        for name in ("n_clusters", "n_directions", "n_frequencies", "n_words"):
            check(2 <= getattr(self, name) <= 4_096, f"drift.{name}", getattr(self, name), "2 to 4096")
        check(0.5 < self.confidence < 1, "drift.confidence", self.confidence, "above 0.5, below 1")
