"""Exactly once on Apache Kafka, with processes that are really killed."""

import json
import os
import random
import signal
import threading
import time

import pytest
from confluent_kafka import Producer

from ingest.health import bank_against_kafka
from tests.conftest import require
from tests.ingest.conftest import within
from tests.servers.kafka import is_available, started

N_TEXTS, N_KILLS, SENDING_SECONDS = 200_000, 30, 60


def environment_of(kafka, name):
    return {"HYPERMATCH_INGEST_BROKERS": kafka.address, "HYPERMATCH_INGEST_GROUP": name,
            "HYPERMATCH_INGEST_TEXTS_TOPIC": f"{name}.texts",
            "HYPERMATCH_INGEST_PREDICTIONS_TOPIC": f"{name}.predictions",
            "HYPERMATCH_INGEST_DEAD_LETTERS_TOPIC": f"{name}.dead-letters",
            "HYPERMATCH_INGEST_SESSION_TIMEOUT_SECONDS": "1.5",
            "HYPERMATCH_INGEST_FLUSH_ROWS": "5000", "HYPERMATCH_INGEST_FLUSH_SECONDS": "0.7"}


def send_slowly(deployment, n, seconds):
    """Send `n` different texts spread over `seconds`; by librdkafka, which leaves the cores to those under test."""
    producer, begun = Producer({"bootstrap.servers": deployment.settings.brokers, "linger.ms": 20}), time.monotonic()
    topic = deployment.settings.texts_topic
    for number in range(n):
        content = json.dumps({"id": str(number), "text": f"text {number}", "source": "crash"})
        producer.produce(topic, content.encode())
        if number % 1_000 == 999:
            producer.flush()
            time.sleep(max(begun + (number + 1) / n * seconds - time.monotonic(), 0))
    producer.flush()


def is_caught_up(deployment, n):
    standings = bank_against_kafka(deployment.bank, deployment.settings)
    is_level = all(standing.lag == 0 and not standing.is_ahead for standing in standings)
    return is_level and sum(standing.end for standing in standings) == n


@pytest.mark.timeout(400)
def test_thirty_kills_and_a_rebalance_bank_each_text_exactly_once(apache_kafka, deploy):
    draw = random.Random(20261124)
    deployment = deploy(environment_of(apache_kafka, "kills"))
    sending = threading.Thread(target=send_slowly, args=(deployment, N_TEXTS, SENDING_SECONDS))
    sending.start()
    pair = [deployment.start(), deployment.start()]

    for _ in range(N_KILLS):
        time.sleep(draw.uniform(0.5, 3.5))
        chosen = draw.randrange(2)
        deployment.kill(pair[chosen])
        pair[chosen] = deployment.start()
    sending.join()
    with within(60) as wait_for:
        wait_for(lambda: " into " in deployment.log(deployment.processes.index(pair[0])))      # it began to bank
    assert deployment.stop(pair[0]) == 0       # hands over to the other
    with within(60) as wait_for:
        wait_for(lambda: is_caught_up(deployment, N_TEXTS))
    assert deployment.stop(pair[1]) == 0

    rows = deployment.bank.rows()
    assert sorted(map(int, rows["id"].to_pylist())) == list(range(N_TEXTS))
    assert len(set(rows["text"].to_pylist())) == N_TEXTS
    assert not any("Traceback" in deployment.log(number) for number in range(len(deployment.processes)))


def test_a_consumer_that_slept_through_a_rebalance_is_refused_and_reads_on(apache_kafka, deploy):
    deployment = deploy({**environment_of(apache_kafka, "zombie"), "HYPERMATCH_INGEST_FLUSH_SECONDS": "3"})
    sleeper = deployment.start()
    deployment.send({"id": str(number), "text": f"early {number}"} for number in range(100))
    with within(30) as wait_for:
        wait_for(lambda: is_caught_up(deployment, 100))
    deployment.send({"id": str(number), "text": f"late {number}"} for number in range(100, 200))
    time.sleep(1)                              # it holds them, but not for 3 seconds yet
    os.kill(sleeper.pid, signal.SIGSTOP)
    heir = deployment.start()
    with within(40) as wait_for:
        wait_for(lambda: is_caught_up(deployment, 200))
    os.kill(sleeper.pid, signal.SIGCONT)
    time.sleep(4)
    deployment.send({"id": str(number), "text": f"later {number}"} for number in range(200, 300))
    with within(40) as wait_for:
        wait_for(lambda: is_caught_up(deployment, 300))
    assert [deployment.stop(sleeper), deployment.stop(heir)] == [0, 0]
    assert sorted(map(int, deployment.bank.rows()["id"].to_pylist())) == list(range(300))


@pytest.mark.timeout(180)
def test_a_broker_away_for_twenty_seconds_is_waited_for_with_one_line(tmp_path, deploy):
    require(is_available(), "Java 17+ and Maven (they fetch Apache Kafka by infra/kafka/pom.xml)")
    with started(tmp_path / "kafka") as kafka:
        deployment = deploy(environment_of(kafka, "away"))
        process = deployment.start()
        deployment.send({"id": str(number), "text": f"before {number}"} for number in range(1_000))
        with within(30) as wait_for:
            wait_for(lambda: is_caught_up(deployment, 1_000))
        kafka.stop()
        time.sleep(20)
        kafka.start()
        deployment.send({"id": str(number), "text": f"after {number}"} for number in range(1_000, 2_000))
        with within(40) as wait_for:
            wait_for(lambda: is_caught_up(deployment, 2_000))
        assert process.poll() is None
        assert deployment.stop(process) == 0
    assert sorted(map(int, deployment.bank.rows()["id"].to_pylist())) == list(range(2_000))
    assert deployment.log().count("waiting") == 1
    assert deployment.log().count("going on") == 1
