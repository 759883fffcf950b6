"""One worker process: its slots, batchers, watcher and publisher, built here and ended in order."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio.to_thread
from sqlalchemy import Engine

from registry.artifacts.store import ArtifactStore
from serving.batcher import Answer, Batcher
from serving.errors import NotLoaded, UnknownTask
from serving.metrics import Metrics
from serving.predictor import ProviderChoice, choose_providers
from serving.protocol import Limits
from serving.publisher import Brokers, Publisher
from serving.settings import ServingSettings
from serving.slot import Loaded, ModelSlot
from serving.watcher import Watcher

log = logging.getLogger("hypermatch.serving")


class Worker:
    """What a request can ask of this process."""

    def __init__(self, settings: ServingSettings, watcher: Watcher, choice: ProviderChoice,
                 publisher: Publisher | None, metrics: Metrics) -> None:
        self.settings, self.watcher, self.choice, self.publisher = settings, watcher, choice, publisher
        self.metrics = metrics
        self.limits = Limits(settings.max_texts, settings.max_text_chars)
        self.max_body_bytes = settings.max_body_bytes
        self.batchers: dict[str, Batcher] = {}
        self.executor = ThreadPoolExecutor(settings.n_lanes, "compute")

    @property
    def slots(self) -> dict[str, ModelSlot]:
        return self.watcher.slots

    @property
    def is_ready(self) -> bool:
        return self.watcher.is_complete

    async def answer(self, task: str, texts: list[str]) -> Answer:
        """Return the answer of the version that serves `task`."""
        self.loaded(task)
        if task not in self.batchers:
            self.batchers[task] = Batcher(self.slots[task], self.executor, self.metrics,
                                          max_queue_texts=self.settings.max_queue_texts,
                                          max_batch_texts=self.settings.max_batch_texts,
                                          n_lanes=self.settings.n_lanes)
        answer = await self.batchers[task].answer(texts, self.settings.deadline_seconds)
        self.metrics.answered(task, answer.by.version_number, len(texts))
        return answer

    def loaded(self, task: str) -> Loaded:
        """Return what answers for `task`; raises UnknownTask, or NotLoaded while it is on its way."""
        slot = self.slots.get(task)
        if slot is None:
            raise UnknownTask(f"no task {task[:80]!r} is served here")
        if slot.current is None:
            raise NotLoaded(f"the model of {task} is not loaded yet")
        return slot.current

    def publish(self, task: str, texts: list[str], answer: Answer, told: list[dict[str, Any]]) -> None:
        """Hand an answer to the publisher; never waits."""
        if self.publisher is not None:
            at = datetime.now(UTC).isoformat()
            by = {"task": task, "model_version": answer.by.version_number, "label_space": answer.by.label_space,
                  "at": at, "source": "serving"}
            self.publisher.publish([
                {"id": uuid.uuid4().hex, "text": text, "label": row["label"], "confidence": row["confidence"],
                 "novelty": row["novelty"], **by}
                for text, row in zip(texts, told, strict=True)])

    def info(self) -> dict[str, Any]:
        """Say what answers here, on which provider, and why not on a better one."""
        tasks = {task: _told(slot) for task, slot in self.slots.items()}
        return {"process": self.watcher.process, "provider": self.choice.name, "passed_over": self.choice.reasons,
                "is_ready": self.is_ready, "tasks": tasks}


@asynccontextmanager
async def opened(settings: ServingSettings, engine: Engine, store: ArtifactStore) -> AsyncIterator[Worker]:
    """Yield a working worker; afterwards what was answered is published and the registry told."""
    metrics, process = Metrics(), f"server@{socket.gethostname()}:{os.getpid()}"
    choice = await anyio.to_thread.run_sync(choose_providers, settings.preferred_providers)
    log.info("answers are computed by %s%s", choice.name, "".join(f"; not by {reason}" for reason in choice.reasons))
    watcher = Watcher(engine, store, {}, choice.providers, settings.threads, metrics, process=process,
                      now=lambda: datetime.now(UTC))
    brokers = Brokers(settings.brokers, settings.api_version, settings.predictions_topic)
    publisher = Publisher(brokers, settings.max_unpublished, metrics) if settings.brokers else None
    thread = threading.Thread(target=watcher.run, args=(settings.poll_seconds, settings.heartbeat_seconds),
                              name="watcher", daemon=True)
    thread.start()
    worker = Worker(settings, watcher, choice, publisher, metrics)
    try:
        yield worker
    finally:
        watcher.stop.set()
        await anyio.to_thread.run_sync(thread.join, 10)
        worker.executor.shutdown(cancel_futures=True)
        if publisher is not None:
            await anyio.to_thread.run_sync(publisher.close)


def _told(slot: ModelSlot) -> dict[str, Any] | None:
    current = slot.current
    if current is None:
        return None
    return {"version_number": current.version_number, "label_space": current.label_space,
            "digest": current.predictor.digest, "encoder": current.predictor.facts.encoder,
            "precision": current.predictor.facts.precision,
            "previous": slot.previous.version_number if slot.previous else None}
