"""Builds one ingest process out of its parts and runs it until it is told to stop."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from ingest.bank import DataBank
from ingest.banking import Banking
from ingest.connection import connect_consumer, ensure_topic, quiet_client_log
from ingest.consumer import Ingest, log
from ingest.errors import BrokerAway
from ingest.metrics import Metrics
from ingest.settings import IngestSettings
from ingest.unpacking import unpack_quickly
from registry.database import write
from registry.errors import RegistryError
from registry.heartbeats import beat, stop_beating
from registry.telemetry.port import Rounds
from registry.watching.dead_letters import note_dead_letters
from registry.watching.tables import DeadLetterNote

if TYPE_CHECKING:                              # tracing is an extra
    from ingest.traces import TracedMessages

RETRY_SECONDS = 1.0
CLOSE_MS = 5_000


def run(settings: IngestSettings, *, process: str, engine: Engine | None, stop: threading.Event,
        now: Callable[[], datetime], traced: "TracedMessages | None" = None) -> None:
    """Bank both topics until `stop` is set; what is held then is banked before this returns.

    A broker that is away, at the start or later, is waited for. Without `engine` nobody
    hears heartbeats; without `traced` nobody hears of traces.
    """
    quiet_client_log()
    metrics = Metrics()
    metrics.serve(settings.metrics_host, settings.metrics_port)
    if not wait_for_broker(settings, stop, metrics.rounds):
        return
    pulse = Pulse(engine, process, settings.heartbeat_seconds, now)
    try:
        with assembled(settings, metrics, now, traced) as ingest:
            log.info("banking %s from %s into %s", ", ".join(settings.topics), settings.brokers, settings.bank)
            ingest.run(stop, pulse.beat)
            if engine is not None:
                pulse.tell(engine, ingest)
            log.info("stopped: %d messages banked", ingest.banking.n_banked_messages)
    finally:
        pulse.stop()


@contextmanager
def assembled(settings: IngestSettings, metrics: Metrics, now: Callable[[], datetime],
              traced: "TracedMessages | None" = None) -> Iterator[Ingest]:
    """Yield a consumer with its worker, both started; end them in order."""
    banking = Banking(settings, metrics, traced)
    try:
        consumer = unpack_quickly(connect_consumer(settings), traced.note if traced else None)
        try:
            bank = DataBank(settings.bank, settings.storage_options)
            yield Ingest(consumer, bank, banking, settings, metrics, now)
        finally:
            consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
    finally:
        banking.stop()
        if traced is not None:
            traced.close()


def wait_for_broker(settings: IngestSettings, stop: threading.Event, rounds: Rounds) -> bool:
    """Return True once the brokers hold our topics, False if told to stop before."""
    is_said = False
    while not stop.is_set():
        rounds.come()
        try:
            for topic in [*settings.topics, settings.dead_letters_topic]:
                ensure_topic(settings, topic)
            return True
        except BrokerAway as error:
            if not is_said:
                log.warning("%s; waiting", error.what)
            is_said = True
            stop.wait(RETRY_SECONDS)
    return False


class Pulse:
    """Reports to the registry, at most every `interval_seconds`; banking goes on while the registry is away."""

    def __init__(self, engine: Engine | None, process: str, interval_seconds: float,
                 now: Callable[[], datetime]) -> None:
        self.engine, self.process, self.interval_seconds, self.now = engine, process, interval_seconds, now
        self.beaten = float("-inf")
        self.is_registry_away = False

    def beat(self, ingest: Ingest) -> None:
        if self.engine is None or time.monotonic() - self.beaten < self.interval_seconds:
            return
        self.beaten = time.monotonic()
        try:
            self.tell(self.engine, ingest)
        except RegistryError as error:
            if not self.is_registry_away:
                log.warning("%s; banking goes on", error.what)
            self.is_registry_away = True
        else:
            self.is_registry_away = False

    def tell(self, engine: Engine, ingest: Ingest) -> None:
        """Report, and note the dead letters met since; what cannot be written now is told the next time."""
        dead = list(ingest.banking.dead)
        with write(engine) as session:
            beat(session, process=self.process, kind="ingest", interval_seconds=self.interval_seconds,
                 says=ingest.says(), now=self.now())
            note_dead_letters(session, [DeadLetterNote(**each._asdict()) for each in dead])
        for each in dead:                             # the oldest may have fallen out meanwhile
            if ingest.banking.dead and ingest.banking.dead[0] is each:
                ingest.banking.dead.popleft()

    def stop(self) -> None:
        if self.engine is None:
            return
        with suppress(RegistryError), write(self.engine) as session:         # doctor will call it silent, which it is
            stop_beating(session, process=self.process, now=self.now())
