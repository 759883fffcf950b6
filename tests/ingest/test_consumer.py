"""Ingest processes on the embedded broker: what is banked, refused, remembered and reported."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from infra.apache_kafka import free_port
from ingest.dead_letters import replay, stored
from ingest.health import bank_against_kafka
from registry.database import read
from registry.tables import Heartbeat
from registry.watching.dead_letters import list_dead_letters
from tests.ingest.conftest import within

PREDICTION = {"id": "p1", "task": "intent", "text": "where is my card", "label": "card_arrival", "confidence": 0.9,
              "novelty": 0.1, "model_version": 1, "label_space": 1, "at": "2026-01-01T00:00:00Z"}


def n_rows(deployment):
    return deployment.bank.stats()["rows"]


def test_texts_and_predictions_are_banked_masked_and_once(embedded_broker, deploy):
    deployment = deploy(embedded_broker.environment)
    deployment.send([{"id": str(number), "text": f" text {number % 50} ", "source": "web"} for number in range(100)])
    deployment.send([{"id": "m", "text": "mail me at a@b.com", "subject": "u1", "task": "intent"}, b"{broken", b"\xff"])
    deployment.send([PREDICTION], topic=deployment.settings.predictions_topic)
    process = deployment.start(HYPERMATCH_INGEST_N_WORKERS="1")
    with within(60) as wait_for:
        wait_for(lambda: n_rows(deployment) == 52)
        wait_for(lambda: is_level(deployment))
    assert deployment.stop(process) == 0

    rows = {row["id"]: row for row in deployment.bank.rows().to_pylist()}
    assert rows["m"]["text"] == "mail me at [EMAIL]"
    assert rows["m"]["subject"] == "u1"
    assert (rows["p1"]["kind"], rows["p1"]["label"], rows["p1"]["model_version"]) == ("prediction", "card_arrival", 1)
    assert sorted(row["text"] for row in rows.values() if row["source"] == "web") == sorted(
        f"text {number}" for number in range(50))
    letters = list(stored(deployment.settings))
    assert {one.letter.raw for one in letters} == {b"\xff", b"{broken"}
    log = deployment.log()
    assert log.count(f"from {embedded_broker.address} into {deployment.bank.url}") == 1
    assert "stopped: 104 messages banked" in log
    assert "WARNING" not in log


def test_dead_letters_are_listed_and_replayed_to_where_they_came_from(embedded_broker, deploy):
    deployment = deploy(embedded_broker.environment)
    deployment.send([b"{broken"])
    process = deployment.start()
    with within(60) as wait_for:
        wait_for(lambda: len(list(stored(deployment.settings))) == 1)
        assert "hypermatch.texts" in deployment.command("ingest", "dead-letters", "list")
        assert replay(deployment.settings, list(stored(deployment.settings))) == 1
        wait_for(lambda: len(list(stored(deployment.settings))) == 2)
    assert deployment.stop(process) == 0
    first, second = (one.letter for one in stored(deployment.settings))
    assert (first.topic, first.raw, first.reason) == (second.topic, second.raw, second.reason)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_banks_what_is_held(embedded_broker, deploy, engine, number):
    deployment = deploy({**embedded_broker.environment, "HYPERMATCH_INGEST_FLUSH_SECONDS": "600"})
    deployment.send({"id": str(number), "text": f"text {number}"} for number in range(50))
    process = deployment.start()
    with within(60) as wait_for:
        wait_for(lambda: lag_of(engine) == 50)
    assert n_rows(deployment) == 0
    assert deployment.stop(process, number) == 0
    assert n_rows(deployment) == 50


def test_reading_goes_on_from_the_bank_and_not_from_kafka(embedded_broker, deploy):
    deployment = deploy(embedded_broker.environment)
    deployment.send({"id": str(number), "text": f"text {number}"} for number in range(30))
    process = deployment.start()
    with within(60) as wait_for:
        wait_for(lambda: n_rows(deployment) == 30)
    deployment.kill(process)
    deployment.send({"id": str(number), "text": f"text {number}"} for number in range(30, 40))
    process = deployment.start(HYPERMATCH_INGEST_GROUP="another")     # a group that Kafka knows nothing of
    with within(60) as wait_for:
        wait_for(lambda: n_rows(deployment) == 40)
    assert deployment.stop(process) == 0
    assert sorted(int(row["id"]) for row in deployment.bank.rows().to_pylist()) == list(range(40))


def test_duplicates_of_an_earlier_process_are_recognized(embedded_broker, deploy):
    deployment = deploy({**embedded_broker.environment, "HYPERMATCH_INGEST_SESSION_TIMEOUT_SECONDS": "6"})
    for _ in range(2):
        deployment.send({"id": str(number), "text": f"text {number}"} for number in range(30))
        process = deployment.start()
        with within(60) as wait_for:
            wait_for(lambda: is_level(deployment) and n_rows(deployment) > 0)
        assert deployment.stop(process) == 0
    assert n_rows(deployment) == 30


def test_it_reports_heartbeats_and_metrics(embedded_broker, deploy, engine):
    port = free_port()
    deployment = deploy({**embedded_broker.environment, "HYPERMATCH_INGEST_METRICS_PORT": str(port)})
    deployment.send([{"id": "1", "text": "one"}, b"bad"])
    process = deployment.start()
    with within(60) as wait_for:
        wait_for(lambda: n_rows(deployment) == 1)
    time.sleep(4)                              # two looks around
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        metrics = answer.read().decode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez") as answer:
        assert int(answer.read().split()[2]) <= 5     # its loop came round since
    with read(engine) as session:
        heartbeat = session.query(Heartbeat).one()
    assert (heartbeat.kind, heartbeat.says["lag"], heartbeat.says["messages_banked"]) == ("ingest", 0, 2)
    for line in ("hypermatch_ingest_rows_total 1.0", "hypermatch_ingest_dead_letters_messages_total 1.0",
                 "hypermatch_ingest_commit_seconds_count"):
        assert line in metrics
    assert deployment.stop(process) == 0
    with read(engine) as session:
        assert session.query(Heartbeat).one().stopped_at is not None
        noted = list_dead_letters(session)
    assert [(note.topic, note.n_bytes) for note in noted] == [("hypermatch.texts", 3)] and noted[0].reason
    assert heartbeat.says["dead_letters"] == 1


def test_a_killed_process_leaves_no_worker_behind(embedded_broker, deploy):
    deployment = deploy(embedded_broker.environment)
    deployment.send([{"id": "1", "text": "one"}])
    process = deployment.start(HYPERMATCH_INGEST_N_WORKERS="1")
    with within(60) as wait_for:
        wait_for(lambda: n_rows(deployment) == 1)
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True,
                                check=False).stdout.split()
        assert listed
        deployment.kill(process)
        wait_for(lambda: not any(is_running(int(pid)) for pid in listed))


def test_ingest_whose_worker_was_killed_says_so_and_ends(embedded_broker, deploy):
    deployment = deploy(embedded_broker.environment)
    deployment.send([{"id": "1", "text": "one"}])
    process = deployment.start(HYPERMATCH_INGEST_N_WORKERS="1")
    with within(60) as wait_for:
        wait_for(lambda: n_rows(deployment) == 1)
    for child in psutil.Process(process.pid).children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    deployment.send([{"id": "2", "text": "two"}])
    assert process.wait(60) == 2
    assert "the process that banks died" in deployment.log().splitlines()[-1]
    assert "Traceback" not in deployment.log()
    assert n_rows(deployment) == 1


def is_level(deployment):
    return all(standing.lag == 0 for standing in bank_against_kafka(deployment.bank, deployment.settings))


def lag_of(engine):
    with read(engine) as session:
        heartbeat = session.query(Heartbeat).first()
        return None if heartbeat is None else heartbeat.says["lag"]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_a_broker_commands_say_so_in_one_line(tmp_path):
    done = subprocess.run([sys.executable, "-m", "infra", "ingest", "dead-letters", "list"], capture_output=True,
                          text=True, check=False,
                          env={**os.environ, "HYPERMATCH_INGEST_BROKERS": f"127.0.0.1:{free_port()}"})
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "hypermatch broker" in done.stderr
