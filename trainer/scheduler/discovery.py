"""Looks for new classes where drift or a person asks for it, and leaves what it found to a person."""

import logging
from pathlib import Path
from threading import Event

from registry.database import read, write
from registry.errors import HyperMatchError, Refused
from registry.watching.discovery_requests import answer_request, requested_discovery, take_request
from registry.watching.tables import DiscoveryRequest
from trainer.discovery.run import discover_once
from trainer.drift.tick import Look
from trainer.errors import Interrupted, LeaseLost, NotWatchable
from trainer.recipe import Recipe, recipe_for
from trainer.scheduler.drift import Follow
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")


def answer_requests(workplace: Workplace, task: str, recipe: Recipe, stop: Event) -> None:
    """Look for new classes if a person asked for it, and say what came of it.

    The request stays where the run is interrupted or another trainer is at work on the task.
    """
    with read(workplace.engine) as session:           # of every task at every tick: no reason to write
        if requested_discovery(session, task) is None:
            return
    with write(workplace.engine) as session:
        asked = take_request(session, task)
    if asked is None:                                 # another trainer was faster
        return
    try:
        says = str(discover_once(workplace, task, recipe, reason=asked.reason, actor=asked.actor, stop=stop))
    except (Interrupted, LeaseLost):
        with write(workplace.engine) as session:
            session.merge(DiscoveryRequest(**asked.model_dump()))
        raise
    except HyperMatchError as error:
        says = f"nothing was looked for: {error}"
    with write(workplace.engine) as session:
        answer_request(session, task, says=says, actor="trainer", now=workplace.now())
    log.info("%s: discovery for %s: %s", task, asked.actor, says)


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
