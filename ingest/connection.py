"""Connects to Kafka, and says whether a broker answers."""

import logging
import socket
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, UnrecognizedBrokerVersion

from ingest.errors import BrokerAway
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
    try:
        return connect()
    except (KafkaError, UnrecognizedBrokerVersion, OSError) as error:
        raise broker_away(settings) from error


def broker_away(settings: IngestSettings) -> BrokerAway:
    return BrokerAway(f"no Kafka broker answers at {settings.brokers}",
                      "start one (`hypermatch broker` for development) or set HYPERMATCH_INGEST_BROKERS; "
                      "an embedded broker also needs HYPERMATCH_INGEST_BROKER_API_VERSION=2.3")


def quiet_client_log() -> None:
    """Leave reporting an absent broker to us: the client logs several lines a second."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


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
