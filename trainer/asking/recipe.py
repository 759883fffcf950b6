"""How the texts to label next are chosen."""

from dataclasses import dataclass
from typing import Literal, get_args

from trainer.ranges import check

Way = Literal["random", "uncertainty", "coverage", "mix"]
WAYS: tuple[str, ...] = get_args(Way)


@dataclass(frozen=True)
class AskingRecipe:
    """`way` chooses all but the random share, which alone says what share of the traffic each class has."""

    way: Way = "uncertainty"                          # coverage lost to chance on SNIPS and 3i4K
    random_share: float = 0.2
    max_pool: int = 6_000                             # texts compared with one another; more are sampled
    near: float = 0.9                                 # cosine beyond which two texts are one question

    def __post_init__(self) -> None:
        check(self.way in WAYS, "asking.way", self.way, " or ".join(WAYS))
        check(0 <= self.random_share <= 1, "asking.random_share", self.random_share, "0 to 1")
        check(10 <= self.max_pool <= 50_000, "asking.max_pool", self.max_pool, "10 to 50000")
        check(0 < self.near <= 1, "asking.near", self.near, "above 0, at most 1")
