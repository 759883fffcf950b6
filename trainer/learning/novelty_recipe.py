"""How novelty is calibrated, and from where on a text is called novel."""

from dataclasses import dataclass
from typing import Literal, get_args

from trainer.ranges import check

DecidedBy = Literal["known", "traffic"]
DECIDED_BY: tuple[str, ...] = get_args(DecidedBy)


@dataclass(frozen=True)
class NoveltyRecipe:
    """How unlike known texts a text must be to be called novel."""

    false_positive_rate: float = 0.05                 # of texts of known classes, where these decide
    decided_by: DecidedBy = "known"                   # traffic: where as many novel texts look so as known ones
    n_nearest: int = 5                                # labeled texts that nearness is measured to
    strength: float = 16.0                            # of the head whose largest logit is a signal
    max_examples: int = 4_000                         # labeled texts in the graph; 2 % of MiniLM's work on a short text
    min_labels: int = 20                              # held-out labels to calibrate on

    def __post_init__(self) -> None:
        check(self.decided_by in DECIDED_BY, "novelty.decided_by", self.decided_by, " or ".join(DECIDED_BY))
        check(0 < self.false_positive_rate < 0.5, "novelty.false_positive_rate", self.false_positive_rate,
              "above 0, below 0.5")
        check(1 <= self.n_nearest <= 100, "novelty.n_nearest", self.n_nearest, "1 to 100")
        check(self.strength > 0, "novelty.strength", self.strength, "above 0")
        check(100 <= self.max_examples <= 100_000, "novelty.max_examples", self.max_examples, "100 to 100000")
        check(self.min_labels >= 5, "novelty.min_labels", self.min_labels, "5 or more")
