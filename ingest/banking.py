"""The poll loop's side of banking: hands batches to the worker, and hears what became of them."""

import multiprocessing
import queue
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ingest import worker
from ingest.dead_letters import DeadLetterSeen
from ingest.errors import BrokerAway, StaleWriter, WorkerDied
from ingest.metrics import Metrics
from ingest.raw import Place, RawBatch
from ingest.settings import IngestSettings
from ingest.worker import Banked

if TYPE_CHECKING:                              # tracing is an extra
    from ingest.traces import TracedMessages

MAX_HELD_NOTES = 1_000


class Banking:
    """One worker that commits batches in the order they were put.

    The caller puts, and asks `failure` and `banked` from its loop. After a failure
    nothing more is committed until `start_from`.
    """

    def __init__(self, settings: IngestSettings, metrics: Metrics, traced: "TracedMessages | None" = None) -> None:
        self.metrics, self.traced = metrics, traced
        self.believed: dict[Place, int | None] = {}
        self.failure: BaseException | None = None
        self.banked: queue.SimpleQueue[dict[Place, int]] = queue.SimpleQueue()
        self.n_banked_messages, self.n_dead_letters = 0, 0
        self.dead: deque[DeadLetterSeen] = deque(maxlen=MAX_HELD_NOTES)          # not told to the registry yet
        self._waiting: set[Future[Banked | None]] = set()
        self._executor = executor_of(settings)
        self._ask(worker.is_up)                # before the first message is read

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    def put(self, batches: Sequence[RawBatch], now: datetime) -> None:
        try:
            future = self._executor.submit(worker.put, batches, now)
        except BrokenExecutor as error:
            self.failure = died(error)
            return
        self._waiting.add(future)
        future.add_done_callback(self._settle)

    def drain(self) -> None:
        """Return once everything put is banked, or failed."""
        while waiting := list(self._waiting):
            wait(waiting)

    def start_from(self, offsets: Mapping[Place, int | None], day: date) -> None:
        """Bank on from these offsets of the bank; call it drained."""
        self._ask(worker.start_from, dict(offsets), day)
        self.believed, self.failure = dict(offsets), None

    def stop(self) -> None:
        """Bank what was put, then end the worker."""
        self.drain()
        with suppress(WorkerDied):             # said already, as `failure`
            self._ask(worker.close)
        self._executor.shutdown()

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> None:
        try:
            self._executor.submit(function, *arguments).result()
        except BrokenExecutor as error:
            raise died(error) from error

    def _settle(self, future: "Future[Banked | None]") -> None:
        """Note what became of a batch; on a thread of the executor, one batch after the other."""
        error = future.exception()
        if error is not None:
            self.failure = died(error) if isinstance(error, BrokenExecutor) else error
        elif (banked := future.result()) is not None:
            self._count(banked)
            self.banked.put(banked.next_offsets)
        self._waiting.discard(future)

    def _count(self, banked: Banked) -> None:
        self.believed.update(banked.next_offsets)
        self.n_banked_messages += banked.n_messages
        self.n_dead_letters += banked.n_dead
        self.dead.extend(banked.dead)
        self.metrics.rows.inc(banked.n_rows)
        self.metrics.duplicates.inc(banked.n_duplicates)
        self.metrics.masked.inc(banked.n_masked)
        self.metrics.dead_letters.inc(banked.n_dead)
        self.metrics.commit.observe(banked.commit_seconds)
        if self.traced is not None:
            self.traced.banked(banked.next_offsets, banked.commit_seconds, banked.n_rows)


def executor_of(settings: IngestSettings) -> Executor:
    if settings.n_workers:
        context = multiprocessing.get_context("spawn")         # a fork would inherit the consumer's sockets
        return ProcessPoolExecutor(1, context, initializer=worker.begin, initargs=(settings, True))
    return ThreadPoolExecutor(1, "banking", initializer=worker.begin, initargs=(settings, False))


def may_begin_again(error: BaseException | None) -> bool:
    """Say whether reading on from the bank's offsets mends it: another writer, or a broker that is away."""
    return isinstance(error, StaleWriter | BrokerAway)


def died(error: BaseException) -> WorkerDied:
    return WorkerDied(f"the process that banks died: {error}", "start again, it goes on from the bank's offsets; if "
                      "memory ran out, lower HYPERMATCH_INGEST_FLUSH_ROWS")
