"""The trainer goes on when somebody sets the clock back, and keeps no memory that it does not use."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil

from ingest.bank.tally import Tally
from trainer.memory import give_back
from trainer.scheduler import loop
from trainer.scheduler.decide import Triggers
from trainer.scheduler.loop import Trainer, run_until_stopped

PATIENCE_SECONDS = 60
MIB = 2**20


class Ticking(Trainer):
    """Counts its ticks."""

    n_ticks = 0

    def tick(self):
        self.n_ticks += 1


def wait_for(is_true):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_trainer_whose_clock_is_set_back_an_hour_ticks_on(workplace, tmp_path, monkeypatch):
    """APScheduler asks the system's clock alone: what it waits for is set back by moving the next tick ahead."""
    monkeypatch.setattr(loop, "CLOCK_SECONDS", 0.1)
    behind, stop = [timedelta(0)], threading.Event()
    clocked = replace(workplace, now=lambda: datetime.now(UTC) - behind[0])
    trainer = Ticking(clocked, Triggers(1, 1, timedelta(0)), tmp_path, stop, Tally(workplace.bank))
    thread = threading.Thread(target=run_until_stopped, args=(trainer, 3_600.0))
    thread.start()
    try:
        wait_for(lambda: trainer.n_ticks == 1)
        behind[0] = timedelta(hours=1)
        wait_for(lambda: trainer.n_ticks == 2)
    finally:
        stop.set()
        thread.join()


def test_memory_that_was_freed_goes_back_to_the_system():
    process = psutil.Process()
    pieces = [bytes(2_000) for _ in range(100_000)]
    kept = pieces[::1_000]                            # the last of them keeps the heap from shrinking by itself
    held = process.memory_info().rss
    del pieces
    give_back()
    assert held - process.memory_info().rss > 100 * MIB and len(kept) == 100
