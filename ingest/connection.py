"""Connects to Kafka, and says whether a broker answers."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLError
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnrecognizedBrokerVersion,
    UnsupportedSaslMechanismError,
)

from ingest.errors import BrokerAway, KafkaRefused
from ingest.settings import IngestSettings

FETCH_BYTES = 8 * 2**20                        # per partition; big fetches halve the cost of a record
LONGEST_MESSAGE = 16 * 2**20
log = logging.getLogger(__name__)


def connect_consumer(settings: IngestSettings, **more: Any) -> KafkaConsumer:
    """Return a consumer of the group that never commits by itself; raises BrokerAway."""
    timeout_ms = int(settings.session_timeout_seconds * 1000)
    config = {
        "group_id": settings.group, "enable_auto_commit": False, "auto_offset_reset": "earliest",
        "session_timeout_ms": timeout_ms, "heartbeat_interval_ms": max(timeout_ms // 5, 100),
        "max_partition_fetch_bytes": FETCH_BYTES, "fetch_max_bytes": 4 * FETCH_BYTES, "max_poll_records": 10_000,
        "metadata_max_age_ms": 30_000, "metrics_enabled": False, "reconnect_backoff_max_ms": 2_000,
    }
    return reached(settings, lambda: KafkaConsumer(**settings.connection, **{**config, **more}))


def connect_producer(settings: IngestSettings, **more: Any) -> KafkaProducer:
    """Return a producer that confirms every message; raises BrokerAway."""
    config = {"acks": "all", "max_request_size": LONGEST_MESSAGE, "linger_ms": 5, "metrics_enabled": False}
    return reached(settings, lambda: KafkaProducer(**settings.connection, **{**config, **more}))


def connect_admin(settings: IngestSettings) -> KafkaAdminClient:
    return reached(settings, lambda: KafkaAdminClient(**settings.connection))


def is_reachable(settings: IngestSettings) -> bool:
    """Say whether any of the brokers takes connections."""
    return any(takes_connections(address) for address in settings.brokers.split(","))


def takes_connections(address: str) -> bool:
    host, _, port = address.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except (OSError, ValueError):
        return False


def reached(settings: IngestSettings, connect: Any) -> Any:
    if not is_reachable(settings):
        raise broker_away(settings)
    with last_words() as words:
        try:
            return connect()
        except (KafkaError, UnrecognizedBrokerVersion, OSError) as error:
            raise words.refusal(settings) or mute(settings) from error


class LastWords(logging.Handler):
    """Remembers why connections failed: the client logs it, and then only raises that time ran out."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.password: Exception | None = None
        self.certificate: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for error in record.args if isinstance(record.args, tuple) else ():
            if isinstance(error, SaslAuthenticationFailedError | UnsupportedSaslMechanismError):
                self.password = error
            elif isinstance(error, Exception) and is_about_certificates(error):
                self.certificate = error

    def refusal(self, settings: IngestSettings) -> KafkaRefused | None:
        if self.password is not None:
            return KafkaRefused(f"Kafka at {settings.brokers} refuses {settings.sasl_username}: {said(self.password)}",
                                "check HYPERMATCH_INGEST_SASL_USERNAME, HYPERMATCH_INGEST_SASL_PASSWORD and "
                                "HYPERMATCH_INGEST_SASL_MECHANISM")
        if self.certificate is not None:
            return KafkaRefused(f"no trusted connection to Kafka at {settings.brokers}: {said(self.certificate)}",
                                "check HYPERMATCH_INGEST_SSL_CA_FILE, HYPERMATCH_INGEST_SSL_CERTIFICATE_FILE and "
                                "HYPERMATCH_INGEST_SSL_KEY_FILE")
        return None


def is_about_certificates(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError | PermissionError | SSLError) or (
        isinstance(error, KafkaConnectionError) and "SSL" in str(error))


def said(error: Exception) -> str:
    """Return the words of an error without the names of its classes."""
    return str(error).rsplit("Error: ", 1)[-1]


@contextmanager
def last_words() -> Iterator[LastWords]:
    """Listen to the client's log, also where it was told to be quiet."""
    words, client = LastWords(), logging.getLogger("kafka")
    level = client.level
    client.addHandler(words)
    client.setLevel(min(client.getEffectiveLevel(), logging.WARNING))
    try:
        yield words
    finally:
        client.removeHandler(words)
        client.setLevel(level)


def broker_away(settings: IngestSettings) -> BrokerAway:
    return BrokerAway(f"no Kafka broker answers at {settings.brokers}",
                      "start one (`hypermatch broker` for development) or set HYPERMATCH_INGEST_BROKERS; "
                      "an embedded broker also needs HYPERMATCH_INGEST_BROKER_API_VERSION=2.3")


def mute(settings: IngestSettings) -> BrokerAway:
    return BrokerAway(f"{settings.brokers} takes connections but does not answer as a Kafka broker",
                      f"check HYPERMATCH_INGEST_SECURITY_PROTOCOL, now {settings.security_protocol}; "
                      "an embedded broker also needs HYPERMATCH_INGEST_BROKER_API_VERSION=2.3")


def quiet_client_log() -> None:
    """Leave reporting an absent broker to us: the client logs several lines a second."""
    client = logging.getLogger("kafka")
    client.addHandler(logging.NullHandler())
    client.propagate = False


def ensure_topic(settings: IngestSettings, topic: str) -> None:
    """Create `topic` with the brokers' defaults unless it is there.

    Where that is not allowed or, as with the embedded broker, not understood, the
    topic is there already or comes into being when first used.
    """
    admin = connect_admin(settings)
    try:
        admin.create_topics({topic: {"num_partitions": -1, "replication_factor": -1}})
    except KafkaError as error:
        log.debug("topic %s was not created: %s", topic, error)
    finally:
        admin.close()
