"""One discovery as a run: claimed, reported on, its proposals recorded in the transaction that ends it."""

from threading import Event

from sqlmodel import Session

from registry.database import write
from registry.lifecycle.runs import claim_run, finish_run
from registry.tables import Run, RunKind
from registry.watching.discovery_requests import answer_request, still_waits
from registry.watching.tables import DiscoveryRequest
from trainer.discovery.discover import Discovery, discover, keep
from trainer.errors import LeaseLost
from trainer.holding import Holding
from trainer.language_model.at_hand import LanguageModel
from trainer.recipe import Recipe
from trainer.run import fail
from trainer.workplace import Report, Workplace, both


def discover_once(workplace: Workplace, task: str, recipe: Recipe, *, reason: str, actor: str, stop: Event,
                  asked: DiscoveryRequest | None = None, watch: Report = lambda _step, _done: None) -> Discovery:
    """Look for classes that nobody named, and leave what was found to a person.

    What was `asked` is answered in the transaction that records what was found: a request
    outlives a trainer that dies. Raises LeaseLost or RunInProgress if a trainer is at work
    on the task or was faster. Any error ends the run as failed with that reason, and is
    raised again.
    """
    with Holding(workplace, task, stop) as holding:
        run = _claim(workplace, task, recipe, reason, actor, asked)
        assert run.id is not None
        holding.run_id = run.id
        model: LanguageModel | None = None
        try:
            model = workplace.open_language_model(task, recipe.language_model)
            backend = None if model is None else model.backend
            found = discover(workplace, task, recipe, backend, both(holding.report, watch))
            with write(workplace.engine) as session:
                holding.check(session)
                keep(session, task, found, actor=actor, now=workplace.now())
                _end(session, workplace, run, asked, str(found), model)
                holding.run_id = None                 # ended: nothing to report on any more
            return found
        except BaseException as error:
            fail(workplace, run, error, model)
            raise


def _claim(workplace: Workplace, task: str, recipe: Recipe, reason: str, actor: str,
           asked: DiscoveryRequest | None) -> Run:
    """Claim a run; the lease is held, so that a request that still waits is nobody else's."""
    with write(workplace.engine) as session:
        if asked is not None and not still_waits(session, asked):
            raise LeaseLost(f"another trainer answered the request for task {task}")
        return claim_run(session, task, worker=workplace.worker, reason=f"discover: {reason}", actor=actor,
                         recipe=recipe.to_dict(), facts={}, now=workplace.now(), kind=RunKind.DISCOVERY)


def _end(session: Session, workplace: Workplace, run: Run, asked: DiscoveryRequest | None, says: str,
         model: LanguageModel | None) -> None:
    assert run.id is not None
    now, costs = workplace.now(), None if model is None else model.meter.costs.to_dict()
    finish_run(session, run.id, version_number=None, outcome=says, now=now, costs=costs)
    if asked is not None:
        answer_request(session, run.task, says=says, actor="trainer", now=now)
