"""Plays the person: labels texts, waits for candidates, approves and promotes them, names new classes."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine
from tqdm import tqdm

from infra.demo.naming import Verdict, decide_on
from registry.database import read, write
from registry.errors import HyperMatchError
from registry.labels import import_labels
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.runs import active_run, last_run, request_run
from registry.lifecycle.versions import latest_version
from registry.proposals import list_proposals
from registry.tables import ModelVersion, Part, ProposalState, RunState, Stage
from registry.tasks import label_space

ACTOR = "demo"
PATIENCE_SECONDS = 300                                # embedding the traffic takes a minute or two


class DemoFailed(HyperMatchError):
    """The demo could not go on."""


class Person:
    """Acts on one task of one registry; `tend` runs while the person waits."""

    def __init__(self, engine: Engine, task: str, tend: Callable[[], None]) -> None:
        self.engine, self.task, self.tend = engine, task, tend

    def label(self, rows: list[tuple[str, str]], part: Part, origin: str) -> None:
        with write(self.engine) as session:
            import_labels(session, self.task, rows, part=part, actor=ACTOR, origin=origin, now=_now())

    def ask_for_a_run(self) -> None:
        with write(self.engine) as session:
            request_run(session, self.task, actor=ACTOR, reason="a first model is needed", now=_now())

    def wait_for_candidate(self, number: int) -> ModelVersion:
        """Show the trainer's progress until version `number` awaits approval; raises DemoFailed if it never will."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with tqdm(total=100, desc=f"train v{number}", unit="%", disable=None) as bar:
            while time.monotonic() < deadline:
                version = self._candidate(number, bar)
                if version is not None:
                    bar.update(100 - bar.n)
                    return version
                time.sleep(0.3)
                self.tend()
        raise DemoFailed(f"v{number} was not trained within {PATIENCE_SECONDS} s", "see the log of the trainer")

    def promote(self, number: int) -> None:
        """Approve and promote; every server pulls the version by itself."""
        with write(self.engine) as session:
            approve(session, self.task, number, actor=ACTOR, reason="the gate's figures are good", now=_now())
            promote(session, self.task, number, actor=ACTOR, reason="approved", now=_now())

    def decide_on_proposals(self, truth: Mapping[str, str]) -> list[Verdict]:
        """Read what discovery proposes, and name, merge or reject it, all at once so that one run learns it."""
        with write(self.engine) as session:
            known = set(label_space(session, self.task).labels)
            proposals = list_proposals(session, self.task, ProposalState.PROPOSED)
            return decide_on(session, proposals, truth, known, actor=ACTOR, now=_now())

    def _candidate(self, number: int, bar: tqdm) -> ModelVersion | None:
        with read(self.engine) as session:
            version = latest_version(session, self.task)
            run = active_run(session, self.task)
            ended = last_run(session, self.task)
        if run is not None:
            bar.set_postfix_str(run.step, refresh=False)
            bar.update(int(run.progress * 100) - bar.n)
        if version is None or version.number < number:
            if run is None and ended is not None and ended.state is RunState.FAILED:
                raise DemoFailed(f"training failed: {ended.outcome}")
            return None
        if version.stage is Stage.REJECTED:
            raise DemoFailed(f"the gate refused v{number}: {'; '.join(version.gate['reasons'])}")
        return version if version.stage is Stage.AWAITING_APPROVAL else None


def _now() -> datetime:
    return datetime.now(UTC)
