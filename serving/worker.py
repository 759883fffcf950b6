"""One worker process: its slots, batchers, watcher and publisher, built here and ended in order."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from sqlalchemy import Engine

from registry.artifacts.store import ArtifactStore
from registry.notices import listen
from registry.signing import open_public_keys
from registry.tables import AliasName
from serving.announcer import Announcer
from serving.batcher import Answer, Batcher
from serving.errors import DeadlineExceeded, NotLoaded, UnknownTask
from serving.metrics import Metrics, forget_the_dead
from serving.predictor import ProviderChoice, choose_providers
from serving.protocol import Limits
from serving.publisher import Brokers, Publisher, send_surely
from serving.settings import ServingSettings
from serving.slot import Loaded, ModelSlot
from serving.trials import Shadow, falls_to_canary
from serving.watcher import Watcher

if TYPE_CHECKING:                                     # tracing is an extra
    from registry.telemetry.tracing import Tracing

log = logging.getLogger("hypermatch.serving")


class Worker:
    """What a request can ask of this process."""

    def __init__(self, settings: ServingSettings, watcher: Watcher, choice: ProviderChoice,
                 publisher: Publisher | None, metrics: Metrics, tracing: "Tracing | None" = None) -> None:
        self.settings, self.watcher, self.choice, self.publisher = settings, watcher, choice, publisher
        self.metrics, self.tracing = metrics, tracing
        self.limits = Limits(settings.max_texts, settings.max_text_chars)
        self.max_body_bytes = settings.max_body_bytes
        self.failing: set[tuple[str, int]] = set()    # canaries that were told about
        self.batchers: dict[tuple[str, AliasName], Batcher] = {}
        self.executor = ThreadPoolExecutor(settings.n_lanes, "compute")
        self.shadow = Shadow(watcher.trials, self._publish, metrics, max_texts=settings.max_shadow_texts,
                             gives_way=settings.threads == 1)
        watcher.compared = self.shadow.compared

    @property
    def slots(self) -> dict[str, ModelSlot]:
        return self.watcher.slots

    @property
    def is_ready(self) -> bool:
        return self.watcher.is_complete

    async def answer(self, task: str, texts: list[str], version: str | None = None) -> Answer:
        """Return the answer of the version that serves `task`, or of its canary where the request falls to it.

        A client may pin one of them by `version`. Where a canary fails, the champion answers.
        """
        self.loaded(task, version)
        canary = self._canary(task, texts, version)
        if canary is not None:
            try:
                return await self._answer(task, AliasName.CANARY, canary, texts)
            except DeadlineExceeded:
                raise
            except Exception as error:                # a canary may break in ways nobody listed
                self._canary_failed(task, canary, error)
                if version is not None:
                    raise
        return await self._answer(task, AliasName.CHAMPION, self.slots[task], texts)

    def loaded(self, task: str, version: str | None = None) -> Loaded:
        """Return what answers for `task`, as champion or as the canary of that version.

        Raises UnknownTask for what does not answer here, NotLoaded for what is on its way.
        """
        slot, canary = self.slots.get(task), self.watcher.trials.get((task, AliasName.CANARY))
        if slot is None and not self.watcher.has_looked:
            raise NotLoaded("the registry has not told yet what is served here")
        if slot is None:
            raise UnknownTask(f"no task {task[:80]!r} is served here")
        if slot.current is None:
            raise NotLoaded(f"the model of {task} is not loaded yet")
        for loaded in (slot.current, None if canary is None else canary.current):
            if loaded is not None and version in (None, str(loaded.version_number)):
                return loaded
        raise UnknownTask(f"version {str(version)[:20]} of {task[:80]} does not answer here, "
                          f"{slot.current.version_number} does")

    def publish(self, task: str, texts: list[str], answer: Answer, told: list[dict[str, Any]]) -> None:
        """Hand an answer to the publisher and its texts to the challenger; never waits."""
        at = datetime.now(UTC)
        self._publish(task, texts, answer, told, "serving", at)
        self.shadow.show(task, texts, [row["label"] for row in told], at)

    def info(self) -> dict[str, Any]:
        """Say what answers here, on which provider, and why not on a better one."""
        trials = self.watcher.trials
        tasks = {task: _told(slot, trials.get((task, AliasName.CHALLENGER)), trials.get((task, AliasName.CANARY)))
                 for task, slot in self.slots.items()}
        return {"process": self.watcher.process, "provider": self.choice.name, "passed_over": self.choice.reasons,
                "is_ready": self.is_ready, "tasks": tasks}

    def _canary(self, task: str, texts: list[str], version: str | None) -> ModelSlot | None:
        """Return the canary's slot if it answers this request."""
        slot = self.watcher.trials.get((task, AliasName.CANARY))
        canary = None if slot is None else slot.current
        if slot is None or canary is None:
            return None
        if version is not None:
            return slot if version == str(canary.version_number) else None
        return slot if falls_to_canary(task, canary.version_number, texts, slot.share) else None

    def _canary_failed(self, task: str, slot: ModelSlot, error: Exception) -> None:
        """Count every failure, and log the first of each version."""
        self.metrics.canary_failed(task)
        number = slot.current.version_number if slot.current else 0
        if (task, number) not in self.failing:
            log.error("the canary %s v%d fails: %s: %s", task, number, type(error).__name__, error)
        self.failing.add((task, number))

    async def _answer(self, task: str, alias: AliasName, slot: ModelSlot, texts: list[str]) -> Answer:
        if (task, alias) not in self.batchers:
            self.batchers[task, alias] = Batcher(slot, self.executor, self.metrics,
                                                 max_queue_texts=self.settings.max_queue_texts,
                                                 max_batch_texts=self.settings.max_batch_texts,
                                                 n_lanes=self.settings.n_lanes)
        answer = await self.batchers[task, alias].answer(texts, self.settings.deadline_seconds)
        self.metrics.answered(task, answer.by.version_number, len(texts))
        return answer

    def _publish(self, task: str, texts: Sequence[str], answer: Answer, told: list[dict[str, Any]],
                 source: str, at: datetime) -> None:
        if self.publisher is not None:
            by = {"task": task, "model_version": answer.by.version_number, "label_space": answer.by.label_space,
                  "at": at.isoformat(), "source": source}
            self.publisher.publish([
                {"id": uuid.uuid4().hex, "text": text, "label": row["label"], "confidence": row["confidence"],
                 "novelty": row["novelty"], **by}
                for text, row in zip(texts, told, strict=True)], self.tracing.current() if self.tracing else "")


@asynccontextmanager
async def opened(settings: ServingSettings, engine: Engine, store: ArtifactStore,
                 tracing: "Tracing | None" = None) -> AsyncIterator[Worker]:
    """Yield a working worker; afterwards what was answered is published, traces are sent and the registry told."""
    forget_the_dead()
    metrics, process = Metrics(), f"server@{socket.gethostname()}:{os.getpid()}"
    choice = await anyio.to_thread.run_sync(choose_providers, settings.preferred_providers)
    log.info("answers are computed by %s%s", choice.name, "".join(f"; not by {reason}" for reason in choice.reasons))
    watcher = Watcher(engine, store, {}, choice.providers, settings.threads, metrics, process=process,
                      now=lambda: datetime.now(UTC), required_signers=open_public_keys(settings.required_signers))
    predictions = Brokers.of(settings, settings.predictions_topic)
    publisher = Publisher(predictions, settings.max_unpublished, metrics) if settings.brokers else None
    thread = threading.Thread(target=watcher.run, args=(settings.poll_seconds, settings.heartbeat_seconds),
                              name="watcher", daemon=True)
    thread.start()
    threading.Thread(target=listen, args=(engine, watcher.woken, watcher.stop), name="notices", daemon=True).start()
    announcer = Announcer(engine, process, partial(send_surely, Brokers.of(settings, settings.label_spaces_topic)),
                          watcher.now)
    if settings.brokers:
        threading.Thread(target=announcer.run, args=(settings.poll_seconds,), name="announcer", daemon=True).start()
    worker = Worker(settings, watcher, choice, publisher, metrics, tracing)
    try:
        yield worker
    finally:
        announcer.stop.set()
        watcher.end()
        await anyio.to_thread.run_sync(thread.join, 10)
        await anyio.to_thread.run_sync(worker.shadow.close)
        worker.executor.shutdown(cancel_futures=True)
        if publisher is not None:
            await anyio.to_thread.run_sync(publisher.close)
        if tracing is not None:
            await anyio.to_thread.run_sync(tracing.close)


def _told(slot: ModelSlot, challenger: ModelSlot | None, canary: ModelSlot | None) -> dict[str, Any] | None:
    if slot.current is None:
        return None
    told = _described(slot.current) | {"previous": slot.previous.version_number if slot.previous else None}
    if challenger is not None and challenger.current is not None:
        told["challenger"] = _described(challenger.current)
    if canary is not None and canary.current is not None:
        told["canary"] = _described(canary.current) | {"share": canary.share}
    return told


def _described(loaded: Loaded) -> dict[str, Any]:
    return {"version_number": loaded.version_number, "label_space": loaded.label_space,
            "digest": loaded.predictor.digest, "encoder": loaded.predictor.facts.encoder,
            "precision": loaded.predictor.facts.precision}
