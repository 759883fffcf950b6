"""Apache Kafka behind TLS and passwords: texts are banked, and who is refused reads why in one line."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from kafka import KafkaConsumer

from ingest.connection import ensure_topic, quiet_client_log
from ingest.dead_letters import stored
from ingest.errors import BrokerAway, KafkaRefused
from ingest.settings import IngestSettings
from registry import brokers
from registry.events import LabelSpaceChanged
from serving.errors import NotPublished
from serving.metrics import Metrics
from serving.publisher import Brokers, Publisher, send_surely
from serving.settings import ServingSettings
from tests.conftest import require
from tests.ingest.conftest import within
from tests.servers import secured_kafka
from tests.servers.kafka import is_available

USER, PASSWORD = "alice", "correct horse"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[secured_kafka.SecuredKafka]:
    require(is_available(), "Java 17+ and Maven (they fetch Apache Kafka by infra/kafka/pom.xml)")
    with secured_kafka.running(tmp_path_factory.mktemp("secured"), {USER: PASSWORD}) as kafka:
        yield kafka


@pytest.fixture
def brief_bootstrap(monkeypatch):
    monkeypatch.setattr(brokers, "BOOTSTRAP_MS", 8_000)
    quiet_client_log()


def by_password(kafka, **changed):
    return {"brokers": kafka.sasl_address, "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": USER, "sasl_password": PASSWORD, "ssl_ca_file": str(kafka.certificates / "ca.pem"),
            **changed}


def by_certificate(kafka, **changed):
    return {"brokers": kafka.ssl_address, "security_protocol": "SSL",
            "ssl_ca_file": str(kafka.certificates / "ca.pem"),
            "ssl_certificate_file": str(kafka.certificates / "client.pem"),
            "ssl_key_file": str(kafka.certificates / "client.key"), **changed}


def environment(fields, name):
    topics = {f"{kind}_topic": f"{name}.{kind}" for kind in ("texts", "predictions", "dead_letters")}
    return {f"HYPERMATCH_INGEST_{field.upper()}": value for field, value in {**fields, **topics, "group": name}.items()}


@pytest.mark.parametrize("identified", [by_password, by_certificate])
def test_texts_are_banked_and_dead_letters_kept(kafka, deploy, identified):
    deployment = deploy(environment(identified(kafka), identified.__name__))
    deployment.send([*({"id": str(number), "text": f"text {number}"} for number in range(50)), b"{broken"])
    process = deployment.start()
    with within(60) as wait_for:
        wait_for(lambda: deployment.bank.stats()["rows"] == 50 and len(list(stored(deployment.settings))) == 1)
    assert deployment.stop(process) == 0
    assert sorted(int(row["id"]) for row in deployment.bank.rows().to_pylist()) == list(range(50))


def test_a_wrong_password_ends_ingest_with_one_clear_line(kafka, deploy):
    deployment = deploy(environment(by_password(kafka, sasl_password="open sesame"), "wrong"))
    assert deployment.start().wait(60) == 2
    said = deployment.log().strip()
    assert len(said.splitlines()) == 1
    assert f"refuses {USER}: Authentication failed" in said
    assert "HYPERMATCH_INGEST_SASL_PASSWORD" in said
    assert "sesame" not in said


def test_a_broker_that_another_authority_vouches_for_is_not_trusted(kafka, brief_bootstrap):
    stranger = str(kafka.certificates / "stranger.pem")
    with pytest.raises(KafkaRefused, match=r"certificate verify failed.*HYPERMATCH_INGEST_SSL_CA_FILE"):
        ensure_topic(IngestSettings(**by_password(kafka, ssl_ca_file=stranger)), "t")


def test_the_reason_is_told_where_the_clients_log_was_silenced(kafka, brief_bootstrap):
    client = logging.getLogger("kafka")
    before = client.level
    client.setLevel(logging.CRITICAL)
    try:
        with pytest.raises(KafkaRefused, match=r"certificate verify failed"):
            ensure_topic(IngestSettings(**by_password(kafka, ssl_ca_file=f"{kafka.certificates}/stranger.pem")), "t")
        assert client.level == logging.CRITICAL
    finally:
        client.setLevel(before)


def test_a_client_without_a_certificate_is_told_so(kafka, brief_bootstrap):
    fields = by_certificate(kafka, ssl_certificate_file=None, ssl_key_file=None)
    with pytest.raises(KafkaRefused, match=r"HYPERMATCH_INGEST_SSL_CERTIFICATE_FILE"):
        ensure_topic(IngestSettings(**fields), "t")


def test_speaking_plainly_to_a_broker_that_expects_tls_is_named(kafka, brief_bootstrap):
    with pytest.raises(BrokerAway, match=r"HYPERMATCH_INGEST_SECURITY_PROTOCOL, now PLAINTEXT"):
        ensure_topic(IngestSettings(brokers=kafka.ssl_address), "t")


def grown(number):
    return LabelSpaceChanged(id=f"label-space-{number}", task="intents", model_version=3, label_space=2, before=1,
                             added=["crypto"], removed=[], at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("identified", [by_password, by_certificate])
def test_what_servers_publish_reaches_secured_brokers(kafka, identified):
    settings, topic = ServingSettings(**identified(kafka)), f"served.{identified.__name__}"
    publisher = Publisher(Brokers.of(settings, topic), 10, Metrics())
    publisher.publish([{"id": "1", "text": "hello"}])
    with within(60) as wait_for:
        wait_for(publisher.events.empty)              # taken once a broker answered
    publisher.close()
    send_surely(Brokers.of(settings, topic), grown(7))
    consumer = KafkaConsumer(topic, **settings.connection, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    found = {event["id"]: event for event in (json.loads(next(consumer).value) for _ in range(2))}
    consumer.close()
    assert found["1"] == {"id": "1", "text": "hello"}
    assert LabelSpaceChanged.model_validate(found["label-space-7"]) == grown(7)


def test_an_event_that_must_not_be_lost_says_who_refuses_it_and_keeps_the_password(kafka, brief_bootstrap):
    settings = ServingSettings(**by_password(kafka, sasl_password="open sesame"))
    with pytest.raises(NotPublished, match="takes events for wrong") as refused:
        send_surely(Brokers.of(settings, "wrong"), grown(8))
    assert "sesame" not in str(refused.value) and "sesame" not in repr(Brokers.of(settings, "wrong"))


@pytest.mark.parametrize(("fields", "message"), [
    ({"security_protocol": "TLS"}, "must be one of PLAINTEXT, SSL"),
    ({"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}, "SASL needs"),
    ({"bank_options": "{nonsense"}, "must be a JSON object"),
    ({"bank_options": "[]"}, "must be a JSON object"),
])
def test_settings_that_cannot_be_are_refused_in_one_line(fields, message):
    given = {f"HYPERMATCH_INGEST_{name.upper()}": value for name, value in fields.items()}
    done = subprocess.run([sys.executable, "-m", "infra", "bank", "stats"], capture_output=True, text=True,
                          check=False, env={**os.environ, **given})
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
