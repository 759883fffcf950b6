"""Finds the groups of a space: as many as are asked for, or as many as are estimated and prove to be different."""

from dataclasses import dataclass

from trainer.discovery.grouping import Groups, group
from trainer.discovery.joining import Bars, bars_of, join
from trainer.discovery.number import estimate_number
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.discovery.space import Space


@dataclass(frozen=True)
class FoundGroups:
    """Groups, and the bars of likeness that known classes set, if they can."""

    groups: Groups
    bars: Bars | None

    @property
    def n_classes(self) -> int:
        """Known classes and new groups that hold a text."""
        return self.groups.n_known + len(set(self.groups.assigned.tolist()) - set(range(self.groups.n_known)))


def find_groups(space: Space, recipe: DiscoveryRecipe, seed: int) -> FoundGroups:
    """Group the candidates.

    An estimate from tightness alone cuts clear classes to pieces; pieces that are as alike
    as known classes are in themselves are joined again. A number that is given stands.
    """
    bars = bars_of(space, recipe, seed)
    if recipe.n_classes:
        return FoundGroups(group(space, recipe.n_classes, recipe, seed), bars)
    n_candidates = len(space.points) - space.n_labeled
    n_new = min(max(estimate_number(space, recipe, seed) - space.n_known, 1), max(n_candidates // recipe.min_texts, 1))
    groups = group(space, n_new, recipe, seed)
    return FoundGroups(groups if bars is None else join(groups, space, bars.one), bars)
