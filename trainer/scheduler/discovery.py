"""Looks for new classes where a look for drift advises it, and leaves what it found to a person."""

import logging
from pathlib import Path
from threading import Event

from registry.errors import Refused
from trainer.discovery.run import discover_once
from trainer.drift.tick import Look
from trainer.errors import Interrupted, LeaseLost, NotWatchable
from trainer.recipe import recipe_for
from trainer.scheduler.drift import Follow
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")


def discovering(recipes: Path, stop: Event) -> Follow:
    """Return what discovers classes by the task's own recipe, as a run that ends early once `stop` is set."""

    def follow(workplace: Workplace, task: str, found: Look) -> None:
        recipe, reason = recipe_for(task, recipes), found.report.reason
        try:
            seen = discover_once(workplace, task, recipe, reason=reason, actor="drift", stop=stop)
        except (NotWatchable, Interrupted, LeaseLost, Refused) as error:
            log.info("%s: discovery: %s", task, error)
        else:
            log.info("%s: discovery: %s", task, seen)

    return follow
