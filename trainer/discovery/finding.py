"""Finds the groups of a space: as many as are asked for, or as many as are estimated and prove to be different."""

from dataclasses import dataclass, replace

import numpy as np

from trainer.discovery.grouping import MIN_COUNTED, Groups, group
from trainer.discovery.joining import Bars, bars_of, join
from trainer.discovery.number import estimate_number
from trainer.discovery.pieces import known_bar, likeness_to_known
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space

# Counting takes some true classes off too. Where it keeps more than this share of the groups, that was the last time.
SETTLED = 0.6
MAX_ROUNDS = 5
# The share of novel texts is estimated low, as some look familiar: classes were 1.3 to 1.4 times what it says (median)
# on the train splits of SNIPS, DBpedia, arXiv titles, 3i4K and ParaKQC with two to four classes known.
LEAST_BY_SHARE = 1.2


@dataclass(frozen=True)
class FoundGroups:
    """Groups, and the bars of likeness that known classes set, if they can."""

    groups: Groups
    bars: Bars | None
    known_bar: float | None                           # likeness to a known class from which a group is a piece of it

    @property
    def n_classes(self) -> int:
        """Known classes and new groups that hold a text."""
        return self.groups.n_known + len(set(self.groups.assigned.tolist()) - set(range(self.groups.n_known)))


def find_groups(space: Space, recipe: DiscoveryRecipe, seed: int) -> FoundGroups:
    """Group the candidates into as many classes as the recipe says, or as are estimated.

    An estimate from tightness alone cuts clear classes to pieces, and seeds that are
    wasted on pieces miss new classes: what is different is counted, and the candidates are
    grouped anew into that many.
    """
    bars, bar = bars_of(space, recipe, seed), known_bar(space, recipe, seed)
    if recipe.n_classes:
        return FoundGroups(group(space, recipe.n_classes, recipe, seed), bars, bar)
    most = max((len(space.points) - space.n_labeled) // recipe.min_texts, 1)
    n_new = min(max(estimate_number(space, recipe, seed) - space.n_known, 1), most)
    groups = group(space, n_new, recipe, seed)
    if space.n_known < MIN_COUNTED:                   # few classes' bars are too rough to repeat, or to go by alone
        n_likely = min(max(_n_different(groups, space, bars, bar), _least_by_share(space)), most)
        return FoundGroups(groups if n_likely == n_new else group(space, n_likely, recipe, seed), bars, bar)
    for _ in range(MAX_ROUNDS):
        n_different = max(_n_different(groups, space, bars, bar), 1)
        if n_different >= n_new:
            break
        is_settled, n_new = n_different > SETTLED * n_new, n_different
        groups = group(space, n_new, recipe, seed)
        if is_settled:
            break
    return FoundGroups(groups, bars, bar)


def find_again(space: Space, before: FoundGroups, recipe: DiscoveryRecipe, seed: int) -> FoundGroups:
    """Group the candidates once an encoder was tuned on what was found `before`.

    Where fewer classes are found now, their number is the geometric mean of both: what was
    found before holds pieces, but tuning parts the known classes further than new ones,
    and two new ones that are nearer than known ones then count as one. On train texts of
    CLINC150 (150 classes) 158, 157, 172, 159 and 157 became 152, 153, 150, 156 and 142.
    """
    found = find_groups(space, recipe, seed)
    if found.n_classes >= before.n_classes:
        return found
    n_new = round(float(np.sqrt(found.n_classes * before.n_classes))) - found.groups.n_known
    return replace(found, groups=group(space, n_new, recipe, seed)) if n_new else found


def _least_by_share(space: Space) -> int:
    """Return the least number of new groups that the share of novel texts speaks of; classes that begin are smaller."""
    return 1 if space.n_by_share is None else max(round(LEAST_BY_SHARE * space.n_by_share) - space.n_known, 1)


def _n_different(groups: Groups, space: Space, bars: Bars | None, bar: float | None) -> int:
    """Count the new groups that are neither empty, nor one with another, nor pieces of a known class."""
    nearest = likeness_to_known(groups if bars is None else join(groups, space, bars.one), space).max(axis=1)
    return int(np.count_nonzero(np.isfinite(nearest) & (nearest < (np.inf if bar is None else bar))))
