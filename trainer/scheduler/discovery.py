"""Looks for new classes where drift or a person asks for it, and leaves what it found to a person."""

import logging
from pathlib import Path
from threading import Event

from sqlalchemy.exc import OperationalError

from registry.database import read, write
from registry.errors import HyperMatchError, Refused, RunInProgress
from registry.watching.discovery_requests import answer_request, broken_off, requested_discovery
from trainer.discovery.run import discover_once
from trainer.drift.tick import Look
from trainer.errors import Interrupted, LeaseLost, NotWatchable
from trainer.recipe import Recipe, recipe_for
from trainer.scheduler.drift import Follow
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")
MAX_BROKEN_OFF = 3                                    # trainers that may die of one request, as for lack of memory


def answer_requests(workplace: Workplace, task: str, recipe: Recipe, stop: Event) -> None:
    """Look for new classes if a person asked for it, and say what came of it.

    The request waits on where the run is interrupted, its trainer dies, or another trainer
    is at work on the task. A request that several trainers died of is answered with that.
    """
    with read(workplace.engine) as session:           # of every task at every tick: no reason to write
        asked = requested_discovery(session, task)
        n_broken_off = 0 if asked is None else broken_off(session, asked)
    if asked is None:
        return
    if n_broken_off >= MAX_BROKEN_OFF:
        _answer(workplace, task, f"nothing was found: the trainer died {n_broken_off} times of looking; see its log")
        return
    try:
        found = discover_once(workplace, task, recipe, reason=asked.reason, actor=asked.actor, stop=stop, asked=asked)
        log.info("%s: discovery for %s: %s", task, asked.actor, found)
    except (Interrupted, OperationalError):           # stopped, or the registry is away: the request waits on
        raise
    except (LeaseLost, RunInProgress) as error:
        log.info("%s: discovery for %s is left: %s", task, asked.actor, error)
    except HyperMatchError as error:
        _answer(workplace, task, f"nothing was looked for: {error}")
    except Exception as error:                        # asked again at each tick it would fail again
        _answer(workplace, task, f"nothing was found: defect: {error}")
        raise


def _answer(workplace: Workplace, task: str, says: str) -> None:
    with write(workplace.engine) as session:
        answer_request(session, task, says=says, actor="trainer", now=workplace.now())
    log.info("%s: discovery: %s", task, says)


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
