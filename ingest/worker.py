"""Turns raw batches into commits of the bank, in order; runs in a process of its own, or beside the poll loop."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.connection import wait

import pyarrow as pa

from ingest.bank import DataBank
from ingest.connection import quiet_client_log
from ingest.dead_letters import DeadLetterSeen, DeadLetterSender, seen
from ingest.decode import PREDICTIONS, TEXTS
from ingest.duplicates import SeenTexts
from ingest.masking import Masker
from ingest.prepare import keep, prepare
from ingest.raw import Place, RawBatch
from ingest.settings import IngestSettings


@dataclass(frozen=True)
class Banked:
    """What one commit did: where the partitions stand after it, and what was counted on the way."""

    next_offsets: dict[Place, int]
    n_messages: int
    n_rows: int
    n_duplicates: int
    n_masked: int
    n_dead: int
    commit_seconds: float
    dead: list[DeadLetterSeen]                 # the first of them, to be told


class Worker:
    """Banks batches in the order they come. After a failure it banks nothing until `start_from`."""

    def __init__(self, settings: IngestSettings) -> None:
        self.schemas = {settings.texts_topic: TEXTS, settings.predictions_topic: PREDICTIONS}
        self.masker = Masker(settings.regions) if settings.is_masked else None
        self.bank = DataBank(settings.bank, settings.storage_options)
        self.seen = SeenTexts(settings.remembered_texts)
        self.sender = DeadLetterSender(settings)
        self.believed: dict[Place, int | None] = {}
        self.is_halted = True

    def start_from(self, offsets: Mapping[Place, int | None], day: date) -> None:
        """Bank on from these offsets of the bank; also learns what others banked today."""
        self.believed = dict(offsets)
        self.seen.start(day, self.bank.keys_of(day))
        self.is_halted = False

    def put(self, batches: Sequence[RawBatch], now: datetime) -> Banked | None:
        """Bank all messages in one commit; None for what follows a failure, which is read again."""
        if self.is_halted:
            return None
        self.is_halted = True
        banked = self._bank(batches, now)
        self.is_halted = False
        return banked

    def close(self) -> None:
        self.sender.close()

    def _bank(self, batches: Sequence[RawBatch], now: datetime) -> Banked:
        prepared = prepare(batches, self.schemas, self.masker, now)
        self.sender.send(prepared.dead)
        if now.date() != self.seen.day:
            self.seen.start(now.date(), self.bank.keys_of(now.date()))
        is_fresh = self.seen.fresh(prepared.keys)
        next_offsets = {batch.place: batch.next_offset for batch in batches}
        begun = time.perf_counter()
        self.bank.append(keep(prepared.rows, is_fresh), next_offsets, self.believed)
        seconds = time.perf_counter() - begun
        self.believed.update(next_offsets)
        self.seen.add(prepared.keys[is_fresh])
        n_rows = int(is_fresh.sum())
        return Banked(next_offsets, sum(map(len, batches)), n_rows, len(is_fresh) - n_rows, prepared.n_masked,
                      len(prepared.dead), seconds, seen(prepared.dead))


here = threading.local()                       # holds the worker of this process, or of this thread


def begin(settings: IngestSettings, is_process: bool) -> None:
    here.worker = Worker(settings)
    if is_process:
        quiet_client_log()
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


def is_up() -> bool:
    return here.worker is not None


def start_from(offsets: Mapping[Place, int | None], day: date) -> None:
    here.worker.start_from(offsets, day)


def put(batches: Sequence[RawBatch], now: datetime) -> Banked | None:
    banked: Banked | None = here.worker.put(batches, now)
    return banked


def close() -> None:
    here.worker.close()
