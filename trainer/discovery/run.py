"""One discovery as a run: claimed, reported on, its proposals recorded in the transaction that ends it."""

from threading import Event

from registry.database import write
from registry.lifecycle.runs import claim_run, finish_run
from registry.tables import Run, RunKind
from trainer.discovery.discover import Discovery, discover, keep
from trainer.holding import Holding
from trainer.language_model.at_hand import LanguageModel
from trainer.recipe import Recipe
from trainer.run import fail
from trainer.workplace import Workplace


def discover_once(workplace: Workplace, task: str, recipe: Recipe, *, reason: str, actor: str,
                  stop: Event) -> Discovery:
    """Look for classes that nobody named, and leave what was found to a person.

    Raises LeaseLost or Refused if a trainer is at work on the task. Any error ends the run
    as failed with that reason, and is raised again.
    """
    with Holding(workplace, task, stop) as holding:
        run = _claim(workplace, task, recipe, reason, actor)
        assert run.id is not None
        holding.run_id = run.id
        model: LanguageModel | None = None
        try:
            model = workplace.open_language_model(task, recipe.language_model)
            backend = None if model is None else model.backend
            found = discover(workplace, task, recipe.discovery, recipe.seed, backend, holding.report)
            with write(workplace.engine) as session:
                holding.check(session)
                keep(session, task, found, actor=actor, now=workplace.now())
                finish_run(session, run.id, version_number=None, outcome=str(found), now=workplace.now(),
                           costs=None if model is None else model.meter.costs.to_dict())
                holding.run_id = None                 # ended: nothing to report on any more
            return found
        except BaseException as error:
            fail(workplace, run, error, model)
            raise


def _claim(workplace: Workplace, task: str, recipe: Recipe, reason: str, actor: str) -> Run:
    with write(workplace.engine) as session:
        return claim_run(session, task, worker=workplace.worker, reason=f"discover: {reason}", actor=actor,
                         recipe=recipe.to_dict(), facts={}, now=workplace.now(), kind=RunKind.DISCOVERY)
