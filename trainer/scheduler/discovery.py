"""Looks for new classes where a look for drift advises it, and leaves what it found to a person."""

import logging
from pathlib import Path

from registry.database import read, write
from registry.errors import HyperMatchError
from registry.watching.discovery_requests import answer_request, requested_discovery, take_request
from registry.watching.tables import DiscoveryRequest
from trainer.discovery.discover import discover, keep
from trainer.drift.tick import Look
from trainer.errors import Interrupted, NotWatchable
from trainer.recipe import Recipe, recipe_for
from trainer.scheduler.drift import Follow
from trainer.workplace import Report, Workplace

log = logging.getLogger("hypermatch.trainer")


def answer_requests(workplace: Workplace, task: str, recipe: Recipe,
                    report: Report = lambda _step, _done: None) -> None:
    """Look for new classes if a person asked for it, and say what came of it; an interruption leaves the request."""
    with read(workplace.engine) as session:           # of every task at every tick: no reason to write
        if requested_discovery(session, task) is None:
            return
    with write(workplace.engine) as session:
        asked = take_request(session, task)
    if asked is None:                                 # another trainer was faster
        return
    try:
        says = _discovered(workplace, task, recipe, asked.actor, report)
    except Interrupted:
        with write(workplace.engine) as session:
            session.merge(DiscoveryRequest(**asked.model_dump()))
        raise
    except HyperMatchError as error:
        says = f"nothing was looked for: {error}"
    with write(workplace.engine) as session:
        answer_request(session, task, says=says, actor="trainer", now=workplace.now())
    log.info("%s: discovery for %s: %s", task, asked.actor, says)


def _discovered(workplace: Workplace, task: str, recipe: Recipe, actor: str, report: Report) -> str:
    model = workplace.open_language_model(task, recipe.language_model)
    found = discover(workplace, task, recipe.discovery, recipe.seed, None if model is None else model.backend, report)
    keep(workplace, task, found, actor)
    return str(found)


def discovering(recipes: Path, report: Report = lambda _step, _done: None) -> Follow:
    """Return what discovers classes by the task's own recipe and records them; `report` may raise Interrupted."""

    def follow(workplace: Workplace, task: str, _found: Look) -> None:
        try:
            says = _discovered(workplace, task, recipe_for(task, recipes), "trainer", report)
        except (NotWatchable, Interrupted) as error:
            says = str(error)
        log.info("%s: discovery: %s", task, says)

    return follow
