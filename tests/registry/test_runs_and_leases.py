"""One run per task and one holder per lease, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from registry import audit
from registry.database import read, write
from registry.errors import Refused
from registry.heartbeats import beat, live, silent, stop_beating
from registry.leases import acquire, release
from registry.lifecycle.runs import (
    abandon_stale_runs,
    active_run,
    claim_run,
    finish_run,
    last_run,
    report_progress,
    request_run,
)
from registry.tables import RunState
from registry.tasks import create_task

MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine_with_task(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
    return any_engine


def claim(session, now, worker="w1"):
    return claim_run(session, "intents", worker=worker, reason="new labels", actor="scheduler", recipe={}, facts={},
                     now=now)


def test_of_many_workers_that_claim_at_once_one_gets_the_run(engine_with_task, now):
    def attempt(number):
        try:
            with write(engine_with_task) as session:
                return claim(session, now, worker=f"w{number}").id
        except Refused:
            return None

    with ThreadPoolExecutor(8) as pool:
        claimed = [run for run in pool.map(attempt, range(8)) if run is not None]
    assert len(claimed) == 1
    with read(engine_with_task) as session:
        assert len(list(audit.entries(session, action="run:started"))) == 1


def test_a_request_is_taken_over_by_the_claim_and_asking_twice_is_one_request(engine_with_task, now):
    with write(engine_with_task) as session:
        first = request_run(session, "intents", actor="ada", reason="please", now=now)
        assert request_run(session, "intents", actor="bo", reason="me too", now=now).id == first.id
        run = claim(session, now)
        assert (run.id, run.reason, run.actor) == (first.id, "please", "ada")


def test_a_run_reports_and_ends_once(engine_with_task, now):
    with write(engine_with_task) as session:
        run = claim(session, now)
        report_progress(session, run.id, step="embed", progress=0.5, now=now + MINUTE)
        finish_run(session, run.id, version_number=1, outcome="v1 awaits approval", now=now + 2 * MINUTE)
        assert active_run(session, "intents") is None
        assert last_run(session, "intents").state is RunState.SUCCEEDED
        with pytest.raises(Refused, match="not running"):
            finish_run(session, run.id, version_number=1, outcome="again", now=now)


def test_a_run_whose_worker_fell_silent_is_abandoned_and_another_may_start(engine_with_task, now):
    with write(engine_with_task) as session:
        claim(session, now)
        assert not abandon_stale_runs(session, silent_for=MINUTE, now=now + MINUTE)
        stale = abandon_stale_runs(session, silent_for=MINUTE, now=now + 2 * MINUTE)
        assert [run.state for run in stale] == [RunState.FAILED]
        claim(session, now + 2 * MINUTE, worker="w2")


def test_a_lease_has_one_holder_until_it_expires_or_is_released(any_engine, now):
    def take(holder, at):
        with write(any_engine) as session:
            return acquire(session, "trainer:intents", holder, duration=MINUTE, now=at)

    first = take("a", now)
    assert first.token == 1
    assert take("b", now + MINUTE / 2) is None
    assert take("a", now + MINUTE / 2).token == 1
    assert take("b", now + 2 * MINUTE).token == 2
    assert take("a", now + 2 * MINUTE) is None
    with write(any_engine) as session:
        release(session, "trainer:intents", "b", now=now + 2 * MINUTE)
    assert take("a", now + 2 * MINUTE).token == 3


def test_what_a_clock_that_ran_ahead_wrote_blocks_nobody(engine_with_task, now):
    """A process whose clock was an hour ahead died; the others have the right time."""
    ahead = now + 60 * MINUTE
    with write(engine_with_task) as session:
        claim(session, ahead)
        acquire(session, "trainer:intents", "w1", duration=MINUTE, now=ahead)
        beat(session, process="w1", kind="trainer", interval_seconds=10, says={}, now=ahead)

        assert [heartbeat.process for heartbeat in silent(session, now)] == ["w1"]
        assert acquire(session, "trainer:intents", "w2", duration=MINUTE, now=now).holder == "w2"
        assert acquire(session, "trainer:intents", "w3", duration=MINUTE, now=now) is None
        assert [run.worker for run in abandon_stale_runs(session, silent_for=MINUTE, now=now)] == ["w1"]


def test_a_clock_that_is_a_little_ahead_is_believed(engine_with_task, now):
    with write(engine_with_task) as session:
        claim(session, now + MINUTE / 2)
        acquire(session, "trainer:intents", "w1", duration=MINUTE, now=now + MINUTE / 2)
        assert acquire(session, "trainer:intents", "w2", duration=MINUTE, now=now) is None
        assert not abandon_stale_runs(session, silent_for=MINUTE, now=now)


def test_of_many_that_take_a_new_lease_at_once_one_gets_it(any_engine, now):
    def take(number):
        with write(any_engine) as session:
            return acquire(session, "leader", f"h{number}", duration=MINUTE, now=now)

    with ThreadPoolExecutor(8) as pool:
        assert sum(lease is not None for lease in pool.map(take, range(8))) == 1


def test_a_process_that_stops_reporting_is_silent_unless_it_said_goodbye(any_engine, now):
    with write(any_engine) as session:
        for process in ("ingest-1", "server-1"):
            beat(session, process=process, kind=process[:6], interval_seconds=10, says={"lag": 0}, now=now)
        assert [heartbeat.process for heartbeat in live(session, now)] == ["ingest-1", "server-1"]
        stop_beating(session, process="ingest-1", now=now)
        assert [heartbeat.process for heartbeat in silent(session, now + MINUTE)] == ["server-1"]


def test_writers_at_once_extend_one_unbroken_audit_chain(any_engine, now):
    def add(number):
        with write(any_engine) as session:
            audit.record(session, action="test:added", subject=str(number), actor="a", now=now)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with read(any_engine) as session:
        assert audit.verify_chain(session) == 40
