"""The pace at which a model is proven: at once, or beside another that answers and needs the cores."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")


@dataclass(frozen=True)
class Pace:
    """How many rows run at a time, and for how many times as long as a run took nothing runs after it."""

    rows: int
    rest: float

    def spend(self, run: Callable[[A], T], argument: A) -> T:
        """Run, then rest in proportion."""
        begun = time.monotonic()
        result = run(argument)
        time.sleep(self.rest * (time.monotonic() - begun))
        return result


AT_ONCE = Pace(rows=64, rest=0)
GENTLE = Pace(rows=2, rest=4.0)                       # a fifth of one core
