"""How a data-performance curve is measured."""

from dataclasses import dataclass

from trainer.ranges import check


@dataclass(frozen=True)
class CurveRecipe:
    """How often and where labels are drawn, and how wide a band may be before nothing is told."""

    n_sizes: int = 4                                  # each half of the next
    n_draws: int = 4
    n_folds: int = 4                                  # where labels judge one another
    min_per_class: float = 2.0                        # labels at the smallest size
    min_gate: int = 200                               # gate labels that judge; with fewer, labels left out do
    confidence: float = 0.8
    widest: float = 8.0                               # times that the band's upper end may be its lower

    def __post_init__(self) -> None:
        check(3 <= self.n_sizes <= 10, "curve.n_sizes", self.n_sizes, "3 to 10")
        check(1 <= self.n_draws <= 100, "curve.n_draws", self.n_draws, "1 to 100")
        check(2 <= self.n_folds <= 20, "curve.n_folds", self.n_folds, "2 to 20")
        check(self.min_per_class > 0, "curve.min_per_class", self.min_per_class, "above 0")
        check(self.min_gate >= 1, "curve.min_gate", self.min_gate, "1 or more")
        check(0.5 <= self.confidence < 1, "curve.confidence", self.confidence, "0.5 to below 1")
        check(self.widest > 1, "curve.widest", self.widest, "above 1")
