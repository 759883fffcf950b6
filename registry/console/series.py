"""Chooses what gets a color where there are more names than colors: the commonest, and one for all others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

N_COLORS = 7                                          # that are told apart side by side, in light and dark
REST = "c-rest"


class Series(NamedTuple):
    """A name, its color (a class of the style sheet) and its values."""

    name: str
    color: str
    values: Sequence[float]


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """Return a color for each of the commonest names; what has none is of color REST."""
    common = [name for name, _ in Counter(names).most_common(N_COLORS)]
    return {name: f"c{number}" for number, name in enumerate(common)}


def share_series(looks: Sequence[Mapping[str, float]], rest: str) -> list[Series]:
    """Return the shares of the labels that are largest over all looks, largest first, and of all others as `rest`."""
    total: Counter[str] = Counter()
    for look in looks:
        total.update(look)
    chosen = [name for name, _ in total.most_common(N_COLORS)]
    found = [Series(name, f"c{number}", [look.get(name, 0.0) for look in looks])
             for number, name in enumerate(chosen)]
    if len(total) > len(chosen):
        found.append(Series(rest, REST, [max(sum(look.values()) - sum(look.get(name, 0.0) for name in chosen), 0.0)
                                         for look in looks]))
    return found
