"""The trainer process: looks at every task each tick, and trains where it is due."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import OperationalError

from ingest.bank.tally import Tally
from registry.database import read, write
from registry.errors import HyperMatchError, Refused
from registry.heartbeats import beat, stop_beating
from registry.lifecycle.runs import abandon_stale_runs
from registry.tasks import list_tasks
from trainer.errors import Interrupted, LeaseLost, NotWatchable
from trainer.holding import silence_allowed
from trainer.memory import give_back
from trainer.metrics import Metrics
from trainer.recipe import Recipe, recipe_for
from trainer.run import run_once
from trainer.scheduler.decide import Decision, Triggers, decide
from trainer.scheduler.discovery import answer_requests
from trainer.scheduler.drift import DriftTriggers, standing, watch
from trainer.scheduler.facts import Facts, measure
from trainer.scheduler.growth import Growth
from trainer.scheduler.soundness import Soundness
from trainer.scheduler.upkeep import Duty, tend
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")
HEARTBEAT_SECONDS = 10.0
UPKEEP_SECONDS = 60.0                                 # how often is asked whether upkeep is due
CLOCK_SECONDS = 5.0                                   # how often the clock is compared with one that cannot be set


class Trainer:
    """Ticks until told to stop; what it decides is logged whenever it changes."""

    def __init__(self, workplace: Workplace, triggers: Triggers, recipes: Path, stop: Event, tally: Tally,
                 only_task: str | None = None, drift: DriftTriggers | None = None,
                 metrics: Metrics | None = None) -> None:
        self.workplace, self.triggers, self.recipes, self.stop = workplace, triggers, recipes, stop
        self.tally, self.only_task, self.drift, self.metrics = tally, only_task, drift, metrics or Metrics()
        self.soundness = Soundness(self.metrics)
        self.last_says: dict[str, str] = {}
        self.growth = Growth(tally)
        self.unwatchable: dict[str, tuple[int | None, int | None]] = {}      # until it changes, nothing can be seen

    def tick(self) -> None:
        """Look at each task once; a task in trouble does not keep the others waiting.

        What is new in the bank is counted once, for all of them.
        """
        with self.metrics.tick.time():
            self.clear()
            self.tally.renew()
            with read(self.workplace.engine) as session:
                self.soundness.look(session, self.workplace.now())
            self.growth.look(self.workplace)
            for task in self.tasks():
                if self.stop.is_set():
                    return
                self.look_safely(task)
            give_back()
        self.metrics.ticked_at.set(self.workplace.now().timestamp())

    def look_safely(self, task: str) -> None:
        try:
            self.look_at(task)
        except (HyperMatchError, OperationalError) as error:
            self.say(task, f"failed: {error}")
        except Exception as error:                    # a defect in one run; its row says so, the loop lives on
            log.exception("%s: defect", task)
            self.say(task, f"failed: defect: {error}")

    def look_at(self, task: str) -> None:
        """Measure, decide, act."""
        recipe = recipe_for(task, self.recipes)
        if self.drift is not None:
            self.watch(task, recipe, self.drift)
        answer_requests(self.workplace, task, recipe, self.stop)
        with read(self.workplace.engine) as session:
            facts = measure(session, self.tally, task, recipe)
        decision = decide(facts, self.triggers, self.workplace.now())
        self.say(task, f"{'train' if decision.is_train else 'wait'}: {decision.reason}")
        if decision.is_train:
            self.act(task, recipe, facts, decision)

    def watch(self, task: str, recipe: Recipe, drift: DriftTriggers) -> None:
        """Look for drift; what it asks for is a fact of the same tick."""
        begun, now = time.monotonic(), standing(self.workplace, self.tally, task)
        if self.unwatchable.get(task) == now:
            return
        try:
            check = watch(self.workplace, self.tally, task, recipe.drift, drift, recipe.seed)
        except NotWatchable:
            self.unwatchable[task] = now
            return
        if check is not None:
            self.metrics.drift_tick.observe(time.monotonic() - begun)
            self.metrics.looked(check)
            log.info("%s: drift: %s: %s", task, check.advice, check.reason)

    def act(self, task: str, recipe: Recipe, facts: Facts, decision: Decision) -> None:
        try:
            outcome = run_once(self.workplace, task, recipe, reason=decision.reason, actor=decision.actor,
                               facts=facts.to_dict(), stop=self.stop)
        except Interrupted:
            self.metrics.runs.labels(task, "interrupted").inc()
            self.say(task, "interrupted")
        except (LeaseLost, Refused) as error:         # another trainer was faster
            self.say(task, f"left to another trainer: {error}")
        except Exception:
            self.metrics.runs.labels(task, "failed").inc()
            raise
        else:
            self.metrics.runs.labels(task, outcome.version.stage.value).inc()
            self.say(task, f"v{outcome.version.number} is {outcome.version.stage.value}: "
                           f"{'; '.join(outcome.judged.decision.reasons)}")

    def clear(self) -> None:
        """End the runs of trainers that died."""
        with write(self.workplace.engine) as session:
            for run in abandon_stale_runs(session, silent_for=silence_allowed(self.workplace.lease),
                                          now=self.workplace.now()):
                log.warning("%s: run %s %s", run.task, run.id, run.outcome)

    def tasks(self) -> list[str]:
        with read(self.workplace.engine) as session:
            names = [task.name for task in list_tasks(session)]
        return [name for name in names if self.only_task in (None, name)]

    def say(self, task: str, what: str) -> None:
        if self.last_says.get(task) != what:
            log.info("%s: %s", task, what)
        self.last_says[task] = what

    def beat(self) -> None:
        self.metrics.rounds.come()
        with write(self.workplace.engine) as session:
            beat(session, process=self.workplace.worker, kind="trainer", interval_seconds=HEARTBEAT_SECONDS,
                 says=dict(self.last_says), now=self.workplace.now())


def run_until_stopped(trainer: Trainer, tick_seconds: float, duties: Sequence[Duty] = ()) -> None:
    """Tick at once and then every `tick_seconds`; a tick that trains delays those after it, upkeep delays none."""
    scheduler = BackgroundScheduler(timezone="UTC")
    now = trainer.workplace.now()
    for act, seconds in ((trainer.tick, tick_seconds), (trainer.beat, HEARTBEAT_SECONDS),
                         (lambda: tend(trainer.workplace, duties), UPKEEP_SECONDS)):
        scheduler.add_job(guarded(act), "interval", seconds=seconds, next_run_time=now, coalesce=True,
                          max_instances=1, misfire_grace_time=None)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)          # "maximum number of running instances" is our way
    scheduler.start()
    log.info("%s looks every %g s", trainer.workplace.worker, tick_seconds)
    offset = ahead(trainer)
    while not trainer.stop.wait(CLOCK_SECONDS):
        before, offset = offset, ahead(trainer)
        if offset < before - CLOCK_SECONDS:
            hurry(scheduler, trainer.workplace.now())
    scheduler.shutdown(wait=True)                     # a run in progress ends as interrupted
    with write(trainer.workplace.engine) as session:
        stop_beating(session, process=trainer.workplace.worker, now=trainer.workplace.now())


def ahead(trainer: Trainer) -> float:
    """Return by how many seconds the clock is ahead of the monotonic one; it changes when the clock is set."""
    return trainer.workplace.now().timestamp() - time.monotonic()


def hurry(scheduler: BackgroundScheduler, now: datetime) -> None:
    """Run all jobs now: the clock was set back, and they would wait until it is again what it was."""
    log.warning("the clock was set back; going on at once")
    for job in scheduler.get_jobs():
        job.modify(next_run_time=now)


def guarded(act: Callable[[], None]) -> Callable[[], None]:
    """Let the loop outlive a registry that is away for a while."""
    def guarded_act() -> None:
        try:
            act()
        except (HyperMatchError, OperationalError) as error:
            log.warning("the registry does not answer: %s", str(error).splitlines()[0])

    return guarded_act
