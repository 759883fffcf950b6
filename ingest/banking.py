"""The bank's own thread: takes prepared batches in order, drops duplicates, commits."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime

from ingest.bank import DataBank
from ingest.dead_letters import DeadLetterSender
from ingest.duplicates import SeenTexts
from ingest.errors import BrokerAway, StaleWriter
from ingest.metrics import Metrics
from ingest.prepare import Prepared, keep
from ingest.raw import Place

RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Held:
    """A batch on its way into the bank: its rows to be, and the offsets it reaches."""

    prepared: "Future[Prepared]"
    next_offsets: dict[Place, int]
    n_messages: int
    day: date


class Banking:
    """Commits batches in the order they were put, on a thread of its own.

    The caller puts, and asks `failure` and `banked` from its loop. After a failure
    nothing more is committed until `start_from`.
    """

    def __init__(self, bank: DataBank, seen: SeenTexts, sender: DeadLetterSender, metrics: Metrics) -> None:
        self.bank, self.seen, self.sender, self.metrics = bank, seen, sender, metrics
        self.believed: dict[Place, int | None] = {}
        self.failure: BaseException | None = None
        self.banked: queue.SimpleQueue[dict[Place, int]] = queue.SimpleQueue()
        self.n_banked_messages = 0
        self._waiting: queue.Queue[Held | None] = queue.Queue()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="banking", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        return self._waiting.unfinished_tasks

    def put(self, held: Held) -> None:
        self._waiting.put(held)

    def drain(self) -> None:
        """Return once everything put is banked, or failed."""
        self._waiting.join()

    def start_from(self, offsets: Mapping[Place, int | None], day: date) -> None:
        """Bank on from these offsets of the bank; call it drained. Also learns what others banked today."""
        self.believed, self.failure = dict(offsets), None
        self.seen.start(day, self.bank.keys_of(day))

    def stop(self, *, give_up_broker: bool = True) -> None:
        """Bank what was put, then end the thread; an absent broker is waited for no longer."""
        if give_up_broker:
            self._is_stopping.set()
        self._waiting.put(None)
        self._thread.join()
        self.sender.close()

    def _run(self) -> None:
        while True:
            held = self._waiting.get()
            try:
                if held is None:
                    return
                if self.failure is None:
                    self._bank(held)
            except BaseException as error:     # raised again by the poll loop, on its own thread
                self.failure = error
            finally:
                self._waiting.task_done()

    def _bank(self, held: Held) -> None:
        prepared = held.prepared.result()
        self._until_broker_is_back(lambda: self.sender.send(prepared.dead))
        if held.day != self.seen.day:
            self.seen.start(held.day, self.bank.keys_of(held.day))
        is_fresh = self.seen.fresh(prepared.keys)
        begun = time.perf_counter()
        self.bank.append(keep(prepared.rows, is_fresh), held.next_offsets, self.believed)
        self.metrics.commit.observe(time.perf_counter() - begun)
        self.believed.update(held.next_offsets)
        self.seen.add(prepared.keys[is_fresh])
        self.banked.put(held.next_offsets)
        self._count(held, prepared, int(is_fresh.sum()))

    def _count(self, held: Held, prepared: Prepared, n_fresh: int) -> None:
        self.n_banked_messages += held.n_messages
        self.metrics.rows.inc(n_fresh)
        self.metrics.duplicates.inc(prepared.rows.num_rows - n_fresh)
        self.metrics.masked.inc(prepared.n_masked)
        self.metrics.dead_letters.inc(len(prepared.dead))

    def _until_broker_is_back(self, send: Callable[[], None]) -> None:
        while True:
            try:
                return send()
            except BrokerAway:
                if self._is_stopping.wait(RETRY_SECONDS):
                    raise


def is_stale(error: BaseException | None) -> bool:
    return isinstance(error, StaleWriter)


def day_of(now: datetime) -> date:
    return now.date()
