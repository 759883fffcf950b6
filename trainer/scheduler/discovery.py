"""Looks for new classes where a look for drift advises it, and leaves what it found to a person."""

import logging
from pathlib import Path

from trainer.discovery.discover import discover, keep
from trainer.drift.tick import Look
from trainer.errors import NotWatchable
from trainer.recipe import recipe_for
from trainer.scheduler.drift import Follow
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")


def discovering(recipes: Path) -> Follow:
    """Return what discovers classes by the task's own recipe and records them as proposals."""

    def follow(workplace: Workplace, task: str, _found: Look) -> None:
        recipe = recipe_for(task, recipes)
        model = workplace.open_language_model(task, recipe.language_model)
        try:
            found = discover(workplace, task, recipe.discovery, recipe.seed, None if model is None else model.backend,
                             lambda _step, _done: None)
        except NotWatchable as error:
            log.info("%s: discovery: %s", task, error)
            return
        keep(workplace, task, found, "trainer")
        log.info("%s: discovery: %s", task, found)

    return follow
