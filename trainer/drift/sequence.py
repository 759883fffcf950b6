"""One alarm in a while is chance; k of n windows are a reason to act."""

from collections.abc import Sequence

from trainer.drift.recipe import DriftRecipe


def n_alarms(alarms: Sequence[bool], recipe: DriftRecipe) -> int:
    """Count the alarms among the last windows, of which the newest is the last of `alarms`."""
    return sum(alarms[-recipe.of_windows :])


def is_confirmed(alarms: Sequence[bool], recipe: DriftRecipe) -> bool:
    """Say whether the newest window alarms, and enough of those before it did."""
    return bool(alarms) and alarms[-1] and n_alarms(alarms, recipe) >= recipe.confirming_alarms
