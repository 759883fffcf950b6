"""The schedule of a torture: what breaks when and for how long, drawn from the seed alone."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

GAP_SECONDS = (4.0, 12.0)                             # between the beginnings of two faults


@dataclass(frozen=True)
class Planned:
    """One fault: when it begins, which it is, how long it lasts, and the seed of what it chooses itself."""

    at_seconds: float
    fault: str
    lasts_seconds: float
    seed: int


def schedule(seed: int, seconds: float, lasting: Mapping[str, tuple[float, float]]) -> list[Planned]:
    """Return the faults of a run of `seconds`, in order; `lasting` bounds how long each kind lasts.

    Every kind occurs before any occurs twice, so that a short run meets as many as it has room for.
    """
    draw, planned, bag = random.Random(seed), [], []  # type: tuple[random.Random, list[Planned], list[str]]
    at = draw.uniform(*GAP_SECONDS)
    while at < seconds:
        if not bag:
            bag = sorted(lasting)
            draw.shuffle(bag)
        fault = bag.pop()
        planned.append(Planned(at, fault, draw.uniform(*lasting[fault]), draw.randrange(2**32)))
        at += draw.uniform(*GAP_SECONDS)
    return planned
