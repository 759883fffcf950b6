"""Looks for new classes where a drift check advises it, and leaves what it found to a person."""

from registry.tables import DriftCheck
from trainer.discovery.discover import Discovery, discover, keep
from trainer.errors import NotWatchable
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace


def discover_if_advised(workplace: Workplace, task: str, check: DriftCheck | None, recipe: Recipe,
                        report: Report = lambda _step, _done: None) -> Discovery | None:
    """Discover and record if the check says so; None if it does not or the bank lacks what it takes."""
    if check is None or check.advice != "discover":
        return None
    model = workplace.open_language_model(task, recipe.language_model)
    try:
        found = discover(workplace, task, recipe.discovery, recipe.seed, None if model is None else model.backend,
                         report)
    except NotWatchable:
        return None
    keep(workplace, task, found, "trainer")
    return found
