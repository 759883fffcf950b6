"""Runs `prepare` in a process of its own, so that the poll loop keeps its core, or in place."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import wait

import pyarrow as pa

from ingest.decode import PREDICTIONS, TEXTS, Schema
from ingest.masking import Masker
from ingest.prepare import Prepared, prepare
from ingest.raw import RawBatch
from ingest.settings import IngestSettings


@dataclass(frozen=True)
class Rules:
    """What a worker needs to know: which topics carry what, and how to mask."""

    texts_topic: str
    predictions_topic: str
    regions: tuple[str, ...] | None            # None: masking is off

    @classmethod
    def of(cls, settings: IngestSettings) -> "Rules":
        return cls(settings.texts_topic, settings.predictions_topic, settings.regions if settings.is_masked else None)

    @property
    def schemas(self) -> dict[str, Schema]:
        return {self.texts_topic: TEXTS, self.predictions_topic: PREDICTIONS}

    def masker(self) -> Masker | None:
        return None if self.regions is None else Masker(self.regions)


class Preparing:
    """Prepares batches one after the other, outside the caller's thread."""

    def __init__(self, rules: Rules, n_workers: int) -> None:
        context = multiprocessing.get_context("spawn")         # a fork would inherit the consumer's sockets
        self.executor: Executor = (
            ProcessPoolExecutor(1, context, initializer=begin, initargs=(rules, True)) if n_workers
            else ThreadPoolExecutor(1, initializer=begin, initargs=(rules, False)))

    def submit(self, batches: Sequence[RawBatch], now: datetime) -> "Future[Prepared]":
        return self.executor.submit(prepare_here, batches, now)

    def close(self) -> None:
        self.executor.shutdown(cancel_futures=True)


here = threading.local()                       # of the worker: its rules, set once by `begin`


def begin(rules: Rules, is_process: bool) -> None:
    here.schemas, here.masker = rules.schemas, rules.masker()
    if is_process:
        pa.set_cpu_count(1)                    # the other core is the poll loop's
        signal.signal(signal.SIGINT, signal.SIG_IGN)           # stopping is the parent's decision
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Leave no orphan behind a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def prepare_here(batches: Sequence[RawBatch], now: datetime) -> Prepared:
    return prepare(batches, here.schemas, here.masker, now)
