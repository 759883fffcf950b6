"""One run: claimed, made, registered, evaluated, gated; whatever happens, its row says how it ended."""

import logging
from dataclasses import dataclass
from threading import Event
from typing import Any

from registry.database import read, write
from registry.errors import HyperMatchError
from registry.lifecycle.runs import claim_run, fail_run, finish_run
from registry.lifecycle.versions import (
    champion_of,
    get_version,
    record_evaluation,
    record_gate,
    register_candidate,
)
from registry.tables import ModelVersion, Run
from trainer.candidate import Judged, judge, make
from trainer.errors import Interrupted, LeaseLost
from trainer.export.bundle import Exported
from trainer.holding import Holding
from trainer.language_model.at_hand import LanguageModel
from trainer.learning.choice import Choice
from trainer.learning.learn import Learned
from trainer.materials import Materials, gather
from trainer.recipe import Recipe
from trainer.run_log import RunLog
from trainer.workplace import Report, Workplace, both

log = logging.getLogger("hypermatch.trainer.run")


@dataclass(frozen=True)
class Outcome:
    """A run that did its work: the version it made and what the gate said."""

    version: ModelVersion
    judged: Judged
    choice: Choice
    costs: dict[str, float] | None                    # of a language model, where one is set


def run_once(workplace: Workplace, task: str, recipe: Recipe, *, reason: str, actor: str, facts: dict[str, Any],
             stop: Event, watch: Report = lambda _step, _done: None) -> Outcome:
    """Make one version now.

    Raises LeaseLost if another trainer is at work on the task. Any error ends the run as
    failed with that reason, and is raised again.
    """
    with Holding(workplace, task, stop) as holding, RunLog(workplace.engine) as heard:
        run = _claim(workplace, task, recipe, reason=reason, actor=actor, facts=facts)
        holding.run_id = heard.run_id = run.id or 0
        model: LanguageModel | None = None
        try:
            model = workplace.open_language_model(task, recipe.language_model)
            return _work(workplace, run, recipe, model, holding, both(both(holding.report, watch), heard.follow))
        except BaseException as error:
            fail(workplace, run, error, model)
            raise


def _claim(workplace: Workplace, task: str, recipe: Recipe, *, reason: str, actor: str,
           facts: dict[str, Any]) -> Run:
    with write(workplace.engine) as session:
        return claim_run(session, task, worker=workplace.worker, reason=reason, actor=actor,
                         recipe=recipe.to_dict(), facts=facts, now=workplace.now())


def _work(workplace: Workplace, run: Run, recipe: Recipe, model: LanguageModel | None, holding: Holding,
          report: Report) -> Outcome:
    report("reading", 0.0)
    materials = gather(workplace, run.task, recipe)
    _tell_materials(materials)
    with read(workplace.engine) as session:
        champion = champion_of(session, run.task)
    exported, learned = make(workplace, materials, champion, recipe, report, model)
    judged = judge(workplace, materials, exported, champion, recipe, report)
    _tell_result(exported, learned, judged, _costs(model))
    report("gate", 1.0)
    return _register(workplace, run, recipe, holding, materials, exported, learned, judged, _costs(model))


def _register(workplace: Workplace, run: Run, recipe: Recipe, holding: Holding, materials: Materials,
              exported: Exported, learned: Learned, judged: Judged, costs: dict[str, float] | None) -> Outcome:
    """Register the version with its measurements and end the run, all in one transaction that proves the lease."""
    assert run.id is not None
    with write(workplace.engine) as session:
        holding.check(session)
        now = workplace.now()
        version = register_candidate(
            session, run.task, digest=exported.digest, label_space=materials.label_space, run_id=run.id,
            requested_by=run.actor, recipe=recipe.to_dict(), bank_version=materials.bank_version,
            code_revision=workplace.code_revision, n_labels=len(materials.train.texts), now=now,
            signer=workplace.signer)
        record_evaluation(session, version, _evaluation(judged, exported, learned, materials), now=now)
        record_gate(session, version, judged.decision.to_dict(), now=now)
        finish_run(session, run.id, version_number=version.number, outcome=_outcome(version.number, judged), now=now,
                   costs=costs)
        holding.run_id = None                         # ended: nothing to report on any more
        return Outcome(get_version(session, run.task, version.number), judged, learned.choice, costs)


def _evaluation(judged: Judged, exported: Exported, learned: Learned, materials: Materials) -> dict[str, Any]:
    measured = {"n_texts": 0} if judged.evaluation is None else judged.evaluation.to_dict()
    head, choice, novelty = learned.head, learned.choice, exported.predictor.facts.novelty
    return measured | {"offsets": materials.offsets, "parity": exported.parity,
                       "novelty": None if novelty is None else novelty.model_dump(),
                       "head": head.facts | {"temperature": head.temperature},
                       "learning": {"arm": choice.arm, "reason": choice.reason, "evidence": choice.evidence}}


def _tell_materials(materials: Materials) -> None:
    bank = "no bank" if materials.bank_version is None else f"bank version {materials.bank_version}"
    log.info("%d train labels and %d gate labels of %d classes; %d texts of %s, %d of other tasks",
             len(materials.train.texts), len(materials.gate.texts), len(materials.labels), len(materials.traffic), bank,
             len(materials.foreign))


def _tell_result(exported: Exported, learned: Learned, judged: Judged, costs: dict[str, float] | None) -> None:
    log.info("learned as %s: %s", learned.choice.arm, learned.choice.reason)
    if learned.novelty is not None and learned.novelty.novel_share is not None:
        log.info("about %.0f%% of the traffic is novel", 100 * learned.novelty.novel_share)
    log.info("bundle %s, %.1f MiB", exported.digest[:12], exported.size_bytes / 2**20)
    if judged.evaluation is not None:
        log.info("accuracy %s on %d gate texts", judged.evaluation.accuracy, judged.evaluation.n_texts)
    for reason in judged.decision.reasons:
        log.info("gate: %s", reason)
    if costs is not None:
        log.info("language model: %s", ", ".join(f"{name} {value:g}" for name, value in costs.items()))


def _outcome(number: int, judged: Judged) -> str:
    if judged.decision.passed:
        return f"v{number} awaits approval"
    return f"v{number} refused by the gate: {'; '.join(judged.decision.reasons)}"


def _costs(model: LanguageModel | None) -> dict[str, float] | None:
    return None if model is None else model.meter.costs.to_dict()


def fail(workplace: Workplace, run: Run, error: BaseException, model: LanguageModel | None) -> None:
    """End a run as failed and say why; one that another trainer declared abandoned says so already."""
    assert run.id is not None
    log.warning("ended: %s", _why(error))
    if isinstance(error, LeaseLost):
        return
    try:
        with write(workplace.engine) as session:
            fail_run(session, run.id, outcome=_why(error), now=workplace.now(), costs=_costs(model))
    except HyperMatchError:
        return


def _why(error: BaseException) -> str:
    if isinstance(error, Interrupted | KeyboardInterrupt | SystemExit):
        return "interrupted"
    return str(error) if isinstance(error, HyperMatchError) else f"defect: {type(error).__name__}: {error}"
