"""The greedy batcher: takes what waits, runs it, and repeats; it never waits for a batch to fill."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import cast

import numpy as np

from serving.errors import DeadlineExceeded, NotLoaded, Overloaded
from serving.metrics import Metrics
from serving.slot import Loaded, ModelSlot

BREATH = 0.03                                         # of a run; what it adds to an answer is lost in the run itself
PATIENT_BREATHS = 2
MOST_BREATHS = 6                                      # as requests come: in runs of 16 a text costs 14 % less
LEAST_PART_TEXTS = 8                                  # of a list that is divided: halves of 16 answer 1.4 times as fast


@dataclass(frozen=True)
class Answer:
    """What one version computed for the texts of one request."""

    by: Loaded
    probs: np.ndarray                                 # (n_texts, n_labels)
    novelty: np.ndarray                               # (n_texts,)


@dataclass(frozen=True, eq=False)
class Waiting:
    """A request in the queue; its client may have gone (`answer` done) before its turn comes."""

    texts: Sequence[str]
    answer: "asyncio.Future[Answer]"


class Batcher:
    """Answers the requests of one task, in batches, on one executor; lives on one event loop.

    Up to `n_lanes` batches run at once: while one is handed out the others keep the
    cores busy. The queue is bounded in texts. A request is computed whole, by one version, even if
    the slot is swapped meanwhile.
    """

    def __init__(self, slot: ModelSlot, executor: Executor, metrics: Metrics, *, max_queue_texts: int,
                 max_batch_texts: int, n_lanes: int = 1) -> None:
        self.slot, self.executor, self.metrics = slot, executor, metrics
        self.max_queue_texts, self.max_batch_texts, self.n_lanes = max_queue_texts, max_batch_texts, n_lanes
        self.queue: deque[Waiting] = deque()
        self.n_queued = 0
        self.texts_per_second = 100.0                 # a first guess; every batch corrects it
        self.lanes: set[asyncio.Task[None]] = set()
        self.n_computing = 0                          # lanes that hold a batch

    async def answer(self, texts: Sequence[str], deadline_seconds: float) -> Answer:
        """Return the answer; raises NotLoaded, Overloaded or DeadlineExceeded."""
        if self.slot.current is None:
            raise NotLoaded("no model is loaded yet")
        if self.n_queued + len(texts) > self.max_queue_texts:
            raise Overloaded(f"{self.n_queued} texts are waiting", math.ceil(self.n_queued / self.texts_per_second))
        waiting = Waiting(texts, asyncio.get_running_loop().create_future())
        self.queue.append(waiting)
        self._count(len(texts))
        if len(self.lanes) < self.n_lanes:
            self.lanes.add(asyncio.create_task(self._run()))
        try:
            return await asyncio.wait_for(waiting.answer, deadline_seconds)
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {deadline_seconds:g} s") from None

    async def _run(self) -> None:
        """Compute batches until nothing waits.

        A lane leaves `lanes` in the same turn of the loop in which it found nothing: were
        it counted longer, a request that comes meanwhile would wait for a lane that has ended.
        """
        try:
            while batch := self._take():
                self.n_computing += 1
                seconds = await self._compute(batch)
                self.n_computing -= 1
                await self._breathe(len(batch), seconds)
        finally:
            self.lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _breathe(self, n_answered: int, seconds: float) -> None:
        """Pause for as long as those just answered keep asking again: together they are one batch.

        Reading their requests needs the core that the next run would take from them. The
        first breath may pass with writing answers, so that a second one is drawn.
        """
        n_still = 0                                   # breaths in a row in which nobody asked
        for _ in range(MOST_BREATHS):
            n_waiting = len(self.queue)
            if n_waiting >= n_answered or n_still == PATIENT_BREATHS:
                return
            await asyncio.sleep(BREATH * seconds)
            n_still = 0 if len(self.queue) > n_waiting else n_still + 1

    def _take(self) -> list[Waiting]:
        """Take this lane's share of what waits, up to the batch size and at least one request.

        Lanes that are idle share evenly; requests that nobody waits for any more are left out.
        """
        n_idle = max(self.n_lanes - self.n_computing, 1)             # a list may have taken this lane's core
        most_texts = min(self.max_batch_texts, math.ceil(self.n_queued / n_idle))
        batch: list[Waiting] = []
        n_texts = 0
        while self.queue and (not batch or n_texts + len(self.queue[0].texts) <= most_texts):
            waiting = self.queue.popleft()
            self._count(-len(waiting.texts))
            if not waiting.answer.done():
                batch.append(waiting)
                n_texts += len(waiting.texts)
        return batch

    def _count(self, n_more: int) -> None:
        self.n_queued += n_more
        self.metrics.waiting(n_more)

    async def _compute(self, batch: list[Waiting]) -> float:
        """Run one batch and return the seconds it took."""
        by = self.slot.current                        # taken once: this version computes the whole batch
        if by is None:                                # a canary whose trial ended while the request waited
            _fail(batch, NotLoaded("no model is loaded any more"))
            return 0.0
        texts = [text for waiting in batch for text in waiting.texts]
        begun = time.perf_counter()
        try:
            probs, novelty = await self._probs(by, texts, is_one_list=len(batch) == 1)
        except Exception as error:                    # each request hears of it; the next batch is tried
            _fail(batch, error)
            return time.perf_counter() - begun
        seconds = time.perf_counter() - begun
        self.texts_per_second = 0.8 * self.texts_per_second + 0.2 * len(texts) / max(seconds, 1e-6)
        self.metrics.batch(len(texts), seconds)
        _hand_out(batch, by, probs, novelty)
        return seconds

    async def _probs(self, by: Loaded, texts: list[str], is_one_list: bool) -> tuple[np.ndarray, np.ndarray]:
        """Compute with one version; a long list alone takes the lanes that nobody needs, too.

        Many requests are not divided: they have been shared among lanes, and who asked the
        lane that draws breath is about to ask again.
        """
        n_idle = self.n_lanes - self.n_computing if is_one_list and not self.queue else 0
        n_parts = max(min(1 + n_idle, len(texts) // LEAST_PART_TEXTS), 1)
        loop = asyncio.get_running_loop()
        if n_parts == 1:
            return await loop.run_in_executor(self.executor, by.predictor.probs, texts)
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = [order[number::n_parts] for number in range(n_parts)]          # lengths alike in all: they end together
        self.n_computing += n_parts - 1
        try:
            found = await asyncio.gather(*(loop.run_in_executor(self.executor, by.predictor.probs,
                                                                [texts[row] for row in rows]) for rows in parts))
        finally:
            self.n_computing -= n_parts - 1
        back = np.argsort(np.concatenate(parts))
        return np.concatenate([probs for probs, _ in found])[back], np.concatenate([new for _, new in found])[back]


def _hand_out(batch: list[Waiting], by: Loaded, probs: np.ndarray, novelty: np.ndarray) -> None:
    start = 0
    for waiting in batch:
        stop = start + len(waiting.texts)
        if not waiting.answer.done():
            waiting.answer.set_result(Answer(by, probs[start:stop], novelty[start:stop]))
        start = stop


def _fail(batch: list[Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
