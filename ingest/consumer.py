"""Moves messages from Kafka into the bank, exactly once."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import IllegalStateError, InvalidRequestError, KafkaConnectionError, KafkaError

from ingest.bank import DataBank
from ingest.banking import Banking, may_begin_again
from ingest.connection import is_reachable
from ingest.errors import KafkaRefused
from ingest.metrics import Metrics
from ingest.raw import Place, RawBatch
from ingest.settings import IngestSettings
from ingest.unpacking import Message

POLL_MS = 200
PAUSED_MS = 20                                 # nothing comes while paused; the worker must not run dry meanwhile
JOIN_MS = 5_000                                # the embedded broker takes 3 s to join; shorter polls may abort it
FLUSH_BYTES = 64 * 2**20                       # of long texts few make a batch: what is held must fit in memory
LOOK_AROUND_SECONDS = 2.0                      # how often lag is measured and an absent broker noticed
PASSING = (KafkaConnectionError, InvalidRequestError)     # the latter the embedded broker says of a late join
log = logging.getLogger(__name__)


class Buffer:
    """Messages read and not yet handed on, by partition."""

    def __init__(self, flush_rows: int, flush_seconds: float) -> None:
        self.flush_rows, self.flush_seconds = flush_rows, flush_seconds
        self.clear()

    def clear(self) -> None:
        self.held: dict[Place, tuple[list[bytes | None], list[int]]] = {}
        self.n = 0
        self.n_bytes = 0
        self.since: float | None = None

    def add(self, place: TopicPartition, messages: list[Message], clock: float) -> None:
        """Keep values and offsets apart: of neither does the garbage collector keep track."""
        values, offsets = self.held.setdefault(as_place(place), ([], []))
        came_offsets, came = zip(*messages, strict=True)
        values += came
        offsets += came_offsets
        self.n += len(messages)
        self.n_bytes += sum(map(len, filter(None, came)))
        self.since = clock if self.since is None else self.since

    def is_due(self, clock: float) -> bool:
        is_full = self.n >= self.flush_rows or self.n_bytes >= FLUSH_BYTES
        return is_full or (self.since is not None and clock - self.since >= self.flush_seconds)

    def take(self) -> list[RawBatch]:
        """Return everything held and hold nothing."""
        batches = [RawBatch.of(place, values, offsets) for place, (values, offsets) in self.held.items()]
        self.clear()
        return batches


class Ingest(ConsumerRebalanceListener):
    """One consumer of the group and its way into the bank; owns the order of durability.

    Rows and offsets enter the bank in one commit, Kafka hears of it afterwards, and
    reading begins at the bank's offsets whenever partitions are assigned: a crash
    anywhere neither loses a text nor banks it twice.
    """

    def __init__(self, consumer: KafkaConsumer, bank: DataBank, banking: Banking, settings: IngestSettings,
                 metrics: Metrics, now: Callable[[], datetime]) -> None:
        self.consumer, self.bank, self.banking = consumer, bank, banking
        self.settings, self.metrics, self.now = settings, metrics, now
        self.buffer = Buffer(settings.flush_rows, settings.flush_seconds)
        self.is_paused, self.is_broker_away = False, False
        self.n_read = 0
        self.must_start = False
        self.lock = threading.RLock()          # the client calls the listener on a thread of its own
        self.lag: dict[Place, int] = {}

    def run(self, stop: threading.Event, look_around: Callable[["Ingest"], None]) -> None:
        """Bank until `stop`, then bank what is held; `look_around` is called every few seconds."""
        self.consumer.subscribe(self.settings.topics, listener=self)
        looked = 0.0
        while not stop.is_set():
            self.step()
            if time.monotonic() - looked >= LOOK_AROUND_SECONDS:
                looked = time.monotonic()
                self.metrics.rounds.come()
                self.notice_broker()
                self.measure_lag()
                look_around(self)
        self.hand_over()
        self.check_failure()

    def step(self) -> None:
        """Poll once, hand on what is due, tell Kafka what was banked, and keep the pace of the bank."""
        polled = self.poll()
        with self.lock:
            self.check_failure()
            if self.must_start:
                return self.start_from_bank()  # and read again what was polled from elsewhere
            for place, messages in polled.items():
                self.buffer.add(place, messages, time.monotonic())
                self.n_read += len(messages)
            if self.buffer.is_due(time.monotonic()):
                self.flush()
            self.commit_banked()
            return self.keep_pace()

    def poll(self) -> dict[TopicPartition, list[Message]]:
        """Return what has come; whatever the client stumbles over, begin again where the bank stands."""
        try:
            return self.consumer.poll(timeout_ms=self.patience_ms())
        except KafkaError as error:
            if not error.retriable and not isinstance(error, PASSING):
                raise KafkaRefused(f"Kafka refuses to be read: {error}", "check topics and access rights") from error
            log.info("reading again after %s", error)
            time.sleep(POLL_MS / 1000)
            self.must_start = True
            return {}

    def patience_ms(self) -> int:
        if self.is_paused:
            return PAUSED_MS
        return POLL_MS if self.consumer.assignment() else JOIN_MS

    def flush(self) -> None:
        batches = self.buffer.take()
        if batches:
            self.banking.put(batches, self.now())

    def keep_pace(self) -> None:
        """Stop reading while the bank is behind; polling goes on, so the group keeps us."""
        is_behind = self.banking.n_waiting > self.settings.max_held_batches
        if is_behind and not self.is_paused:
            self.consumer.pause(*self.consumer.assignment())
        elif self.is_paused and not is_behind:
            self.consumer.resume(*self.consumer.paused())
        self.is_paused = is_behind
        self.metrics.is_paused.set(is_behind)

    def commit_banked(self) -> None:
        """Tell Kafka, for those who watch its lag; nothing here depends on its answer."""
        offsets: dict[Place, int] = {}
        while not self.banking.banked.empty():
            offsets.update(self.banking.banked.get())
        mine = set(map(as_place, self.consumer.assignment()))
        wanted = {TopicPartition(*place): OffsetAndMetadata(offset, "", -1)
                  for place, offset in offsets.items() if place in mine}
        if wanted:
            try:
                self.consumer.commit_async(wanted)
            except KafkaError as error:
                log.info("offsets are banked but Kafka did not take them: %s", error)

    def check_failure(self) -> None:
        """Raise what stopped the worker, unless reading on from the bank's offsets mends it."""
        self.raise_failure()
        if self.banking.failure is not None and not self.must_start:
            log.warning("%s", self.banking.failure)
            self.must_start = True
            time.sleep(POLL_MS / 1000)

    def raise_failure(self) -> None:
        failure = self.banking.failure
        if failure is not None and not may_begin_again(failure):
            raise failure

    def start_from_bank(self) -> None:
        """Drop what is held and read on where the bank stands; what it never saw begins at the beginning."""
        self.buffer.clear()
        self.banking.drain()
        self.raise_failure()
        offsets = {as_place(place): self.bank.offset(*as_place(place)) for place in self.consumer.assignment()}
        try:
            for place, offset in offsets.items():
                self.seek(TopicPartition(*place), offset)
        except IllegalStateError:              # taken from us meanwhile; the next assignment begins anew
            return
        self.banking.start_from(offsets, self.now().date())
        log.info("reading %s", ", ".join(f"{topic} [{number}]" for topic, number in sorted(offsets)) or "no partition")
        self.must_start = False

    def seek(self, place: TopicPartition, offset: int | None) -> None:
        if offset is None:
            self.consumer.seek_to_beginning(place)
        else:
            self.consumer.seek(place, offset)

    def hand_over(self) -> None:
        """Bank everything held, and tell Kafka."""
        with self.lock:
            if not self.must_start:
                self.flush()
            self.banking.drain()
            self.commit_banked()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.hand_over()

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Another consumer has them already; whatever it has not banked, the bank still lets us."""
        self.hand_over()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Have the next step begin where the bank stands; here it would stall the client's own thread."""
        with self.lock:
            self.must_start, self.is_paused, self.lag = True, False, {}

    def notice_broker(self) -> None:
        """Say once that the brokers are away, and once that they are back."""
        is_away = not is_reachable(self.settings)
        if is_away and not self.is_broker_away:
            log.warning("no Kafka broker answers at %s: waiting", self.settings.brokers)
        elif self.is_broker_away and not is_away:
            log.warning("Kafka at %s answers again: going on", self.settings.brokers)
        self.is_broker_away = is_away

    def measure_lag(self) -> None:
        for place in self.consumer.assignment():
            end, banked = self.consumer.highwater(place), self.banking.believed.get(as_place(place))
            if end is not None:
                self.lag[as_place(place)] = max(end - (banked or 0), 0)
                self.metrics.lag.labels(place.topic, place.partition).set(self.lag[as_place(place)])

    def says(self) -> dict[str, Any]:
        """Return what the heartbeat reports."""
        return {
            "lag": sum(self.lag.values()), "messages_banked": self.banking.n_banked_messages,
            "dead_letters": self.banking.n_dead_letters,
            "is_broker_away": self.is_broker_away, "bank": self.bank.url,
            "offsets": {f"{topic}:{partition}": offset
                        for (topic, partition), offset in sorted(self.banking.believed.items())},
        }


def as_place(place: TopicPartition) -> Place:
    return place.topic, place.partition
