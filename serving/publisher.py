"""Sends served predictions to Kafka without ever delaying an answer: bounded, on its own thread, drops counted."""

import logging
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from registry.brokers import KafkaSettings
from registry.events import Event
from serving.errors import NotPublished
from serving.metrics import Metrics

RETRY_SECONDS = 1.0
FLUSH_SECONDS = 10.0
log = logging.getLogger("hypermatch.serving")


@dataclass(frozen=True)
class Brokers:
    """Where events go, and how the brokers are reached."""

    addresses: str
    connection: Mapping[str, Any] = field(repr=False)  # holds a password
    topic: str

    @classmethod
    def of(cls, settings: KafkaSettings, topic: str) -> "Brokers":
        return cls(settings.brokers, settings.connection, topic)


class Publisher:
    """Takes events from any thread and sends them from its own; `close` sends what is left, for a while."""

    def __init__(self, brokers: Brokers, max_waiting: int, metrics: Metrics) -> None:
        self.brokers, self.metrics = brokers, metrics
        self.events: queue.Queue[tuple[list[dict[str, Any]], str]] = queue.Queue(max_waiting)
        self.stop = threading.Event()
        self.is_away = False
        logging.getLogger("kafka").setLevel(logging.CRITICAL)        # we say once that the brokers are away
        self.thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self.thread.start()

    def publish(self, events: list[dict[str, Any]], trace: str = "") -> None:
        """Queue the predictions of one request, or drop and count them; returns at once.

        `trace` is the W3C `traceparent` that travels with them; empty: none does.
        """
        try:
            self.events.put_nowait((events, trace))
        except queue.Full:
            self._drop(len(events))

    def close(self) -> None:
        self.stop.set()
        self.thread.join(FLUSH_SECONDS + RETRY_SECONDS)

    def _run(self) -> None:
        producer = self._connect()
        while not (self.stop.is_set() and self.events.empty()):
            try:
                events, trace = self.events.get(timeout=0.2)
            except queue.Empty:
                continue
            if producer is None:                      # told to stop before any broker answered
                self._drop(len(events))
                continue
            for event in events:
                self._send(producer, event, trace)
        if producer is not None:
            producer.close(timeout=FLUSH_SECONDS)

    def _connect(self) -> KafkaProducer | None:
        while not self.stop.is_set():
            try:
                return KafkaProducer(**self.brokers.connection, linger_ms=20, acks="all", max_block_ms=5_000)
            except (KafkaError, OSError) as error:
                self._say_away(error)
                self.stop.wait(RETRY_SECONDS)
        return None

    def _send(self, producer: KafkaProducer, event: dict[str, Any], trace: str) -> None:
        try:
            headers = [("traceparent", trace.encode())] if trace else None
            sent = producer.send(self.brokers.topic, msgspec.json.encode(event), headers=headers)
            sent.add_callback(lambda _: self._took())
            sent.add_errback(lambda _: self._drop(1))
        except KafkaError as error:                   # no room or no leader for longer than max_block_ms
            self._say_away(error)
            self._drop(1)

    def _took(self) -> None:
        self.is_away = False
        self.metrics.published(1)

    def _drop(self, n: int) -> None:
        self.metrics.dropped(n)

    def _say_away(self, error: Exception) -> None:
        if not self.is_away:
            log.warning("no Kafka broker at %s takes predictions (%s), they are kept for a while, then dropped; "
                        "check HYPERMATCH_SERVING_BROKERS, _SECURITY_PROTOCOL, _SSL_... and _SASL_...",
                        self.brokers.addresses, " ".join(str(error).split())[:200])
        self.is_away = True


def send_surely(brokers: Brokers, event: Event) -> None:
    """Send one event and return once a broker has it; raises NotPublished. For what is rare and must not be lost."""
    try:
        producer = KafkaProducer(**brokers.connection, acks="all", max_block_ms=5_000)
        try:
            producer.send(brokers.topic, event.model_dump_json().encode()).get(timeout=FLUSH_SECONDS)
        finally:
            producer.close(timeout=FLUSH_SECONDS)
    except (KafkaError, OSError) as error:
        raise NotPublished(f"no Kafka broker at {brokers.addresses} takes events for {brokers.topic}: "
                           f"{' '.join(str(error).split())[:200]}") from error
