"""Versions on trial: which requests fall to a canary, and the challenger, which sees all that was answered."""

import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from registry.tables import AliasName
from serving import protocol
from serving.batcher import Answer
from serving.metrics import Metrics
from serving.predictor.pace import AT_ONCE, yield_to_others
from serving.slot import ModelSlot

Trials = Mapping[tuple[str, AliasName], ModelSlot]
Publish = Callable[[str, Sequence[str], Answer, list[dict[str, Any]], str, datetime], None]
SHORTLY = timedelta(milliseconds=1)                   # before the answer: the bank names a text by its latest source
ROWS = 16                                             # of a run: no answer waits for more than one to leave its core
log = logging.getLogger("hypermatch.serving")


def falls_to_canary(task: str, version_number: int, texts: Sequence[str], share: float) -> bool:
    """Say whether a canary answers a request: always alike for the same texts, otherwise for another canary."""
    told = "\0".join((task, str(version_number), *texts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest()) < share * 2**64


@dataclass(frozen=True)
class Shown:
    """Texts that were answered, with which labels, and when."""

    task: str
    texts: Sequence[str]
    labels: list[str]
    at: datetime


class Shadow:
    """Shows what was answered to challengers, on a thread of its own: bounded in texts, drops counted.

    What a challenger answers is published with the source `shadow` and compared; nobody
    waits for it, and whatever it raises stays here.
    """

    def __init__(self, trials: Trials, publish: Publish, metrics: Metrics, *, max_texts: int, gives_way: bool) -> None:
        self.trials, self.publish, self.metrics, self.max_texts = trials, publish, metrics, max_texts
        self.waiting: queue.SimpleQueue[Shown | None] = queue.SimpleQueue()
        self.n_waiting, self.lock = 0, threading.Lock()
        self.failing: set[str] = set()                # digests that were told about
        self.compared: dict[str, dict[str, int]] = {}                # version -> agreed, disagreed: for the heartbeat
        self.aside = ThreadPoolExecutor(1, "shadow-run", yield_to_others if gives_way else None)
        self.pace = replace(AT_ONCE, executor=self.aside)
        self.thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self.thread.start()

    def show(self, task: str, texts: Sequence[str], labels: list[str], at: datetime) -> None:
        """Queue the texts for the challenger of their task, or drop and count them; returns at once."""
        slot = self.trials.get((task, AliasName.CHALLENGER))
        challenger = None if slot is None else slot.current
        if challenger is None:
            return
        with self.lock:
            has_room = self.n_waiting + len(texts) <= self.max_texts
            self.n_waiting += len(texts) if has_room else 0
        if has_room:
            self.waiting.put(Shown(task, texts, labels, at))
        else:
            self.metrics.shadowed(task, challenger.version_number, "dropped", len(texts))

    def close(self) -> None:
        """Stop after the run in hand; what waits is lost."""
        self.waiting.put(None)
        with self.lock:
            self.max_texts = self.n_waiting = 0
        self.thread.join(10)
        self.aside.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while (shown := self.waiting.get()) is not None and self.max_texts:
            slot = self.trials[shown.task, AliasName.CHALLENGER]
            for start in range(0, len(shown.texts), ROWS):
                self._try(slot, replace(shown, texts=shown.texts[start:start + ROWS],
                                        labels=shown.labels[start:start + ROWS]))
            with self.lock:
                self.n_waiting -= len(shown.texts)

    def _try(self, slot: ModelSlot, shown: Shown) -> None:
        challenger, count = slot.current, self.metrics.shadowed
        if challenger is None:                        # its trial ended meanwhile
            return
        task, number = shown.task, challenger.version_number
        try:
            answer = Answer(challenger, *challenger.predictor.probs(shown.texts, self.pace))
            told = protocol.rows(answer)
            self.publish(task, shown.texts, answer, told, "shadow", shown.at - SHORTLY)
        except Exception as error:                    # a challenger may break in ways nobody listed, and hurts nobody
            self._say_failing(task, number, challenger.predictor.digest, error)
            count(task, number, "failed", len(shown.texts))
            return
        n_agreed = sum(row["label"] == label for row, label in zip(told, shown.labels, strict=True))
        count(task, number, "agreed", n_agreed)
        count(task, number, "disagreed", len(told) - n_agreed)
        compared = self.compared.setdefault(f"{task} v{number}", {"agreed": 0, "disagreed": 0})
        compared["agreed"] += n_agreed
        compared["disagreed"] += len(told) - n_agreed

    def _say_failing(self, task: str, number: int, digest: str, error: Exception) -> None:
        if digest not in self.failing:
            log.error("the challenger %s v%d fails: %s: %s", task, number, type(error).__name__, error)
        self.failing.add(digest)
