"""A discovery that a person asked for is answered once, whatever happens to the trainer that answers it."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

from registry.audit import entries
from registry.database import read, write
from registry.lifecycle.runs import abandon_stale_runs, claim_run, list_runs
from registry.tables import RunKind, RunState
from registry.watching.discovery_requests import last_answer, requested_discovery
from registry.watching.tables import DiscoveryRequest
from trainer.recipe import recipe_of
from trainer.scheduler.discovery import answer_requests


def test_a_discovery_that_a_person_asked_for_is_answered_even_if_nothing_can_be_looked_for(workplace, task):
    with write(workplace.engine) as session:
        session.add(DiscoveryRequest(task="intent", actor="ann", reason="why not", at=workplace.now()))
    answer_requests(workplace, "intent", recipe_of({}), Event())
    answer_requests(workplace, "intent", recipe_of({}), Event())
    with read(workplace.engine) as session:
        assert "no champion" in last_answer(session, "intent").reason
        assert len(list(entries(session, action="discovery:answered"))) == 1


# A trainer that says when it has claimed its run, and then works until it is killed.
ENDLESS = """
import sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from ingest.bank import DataBank
from registry.artifacts.store import ArtifactStore
from registry.database import open_database
from trainer.recipe import recipe_of
from trainer.scheduler.discovery import answer_requests
from trainer.workplace import Workplace

def work(_task, _recipe):
    print("claimed", flush=True)
    time.sleep(600)

url, folder = sys.argv[1], Path(sys.argv[2])
answer_requests(Workplace(engine=open_database(url), store=ArtifactStore(str(folder / "artifacts")),
                          bank=DataBank(str(folder / "bank")), cache=folder / "cache", worker="trainer@killed:1",
                          code_revision="test", now=lambda: datetime.now(UTC), lease=timedelta(seconds=30), threads=1,
                          open_language_model=work), "intent", recipe_of({}), Event())
"""


def killed_at_work(registry_url, folder):
    """Let a trainer claim the discovery that was asked for, and kill it."""
    with subprocess.Popen([sys.executable, "-c", ENDLESS, registry_url, str(folder)], stdout=subprocess.PIPE,
                          text=True) as trainer:
        assert trainer.stdout.readline() == "claimed\n"
        trainer.kill()


def test_a_discovery_that_was_asked_for_outlives_a_trainer_that_is_killed_answering(
        workplace, task, registry_url, tmp_path):
    with write(workplace.engine) as session:
        session.add(DiscoveryRequest(task="intent", actor="ann", reason="why not", at=workplace.now()))
    killed_at_work(registry_url, tmp_path)
    answer_requests(workplace, "intent", recipe_of({}), Event())        # the dead trainer's lease still holds
    with read(workplace.engine) as session:
        assert requested_discovery(session, "intent").actor == "ann" and last_answer(session, "intent") is None
        assert [run.state for run in list_runs(session, "intent")] == [RunState.RUNNING]

    later = replace(workplace, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    with write(workplace.engine) as session:
        abandon_stale_runs(session, silent_for=timedelta(minutes=5), now=later.now())
    answer_requests(later, "intent", recipe_of({}), Event())
    with read(workplace.engine) as session:
        assert requested_discovery(session, "intent") is None
        assert "no champion" in last_answer(session, "intent").reason
        assert [run.worker for run in list_runs(session, "intent")] == ["trainer@test:1", "trainer@killed:1"]


def test_a_discovery_that_trainers_die_of_is_not_tried_for_ever(workplace, task):
    with write(workplace.engine) as session:
        session.add(DiscoveryRequest(task="intent", actor="ann", reason="why not", at=workplace.now()))
        for number in range(3):
            at = workplace.now() + timedelta(hours=number)
            claim_run(session, "intent", worker="w", reason="r", actor="a", recipe={}, facts={}, now=at,
                      kind=RunKind.DISCOVERY)
            abandon_stale_runs(session, silent_for=timedelta(minutes=1), now=at + timedelta(minutes=2))
    answer_requests(workplace, "intent", recipe_of({}), Event())
    with read(workplace.engine) as session:
        assert "died 3 times" in last_answer(session, "intent").reason
        assert requested_discovery(session, "intent") is None and len(list_runs(session, "intent")) == 3
