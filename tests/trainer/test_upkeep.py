"""The trainer's upkeep of the bank: real compactions, one trainer of several, ticks that go on, failures that pass."""

import logging
import os
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from ingest.bank.tally import Tally
from registry.database import read
from registry.tables import AuditEntry
from tests.ingest.conftest import make_rows
from trainer.drift.stretches import folder_of
from trainer.scheduler.decide import Triggers
from trainer.scheduler.loop import Trainer, run_until_stopped
from trainer.scheduler.upkeep import Duty, duties, tend
from trainer.settings import TrainerSettings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENCE_SECONDS = 60


@pytest.fixture
def banked(workplace, now):
    """A workplace whose clock stands, with a bank of six files of two days, one row twice."""
    for number in range(6):
        day = now - (10 * DAY if number < 3 else timedelta(0))
        workplace.bank.append(make_rows([f"text {number}"], task="x", begin=number, now=day), {("t", 0): number + 1})
    workplace.bank.append(make_rows(["text 5"], task="x", begin=6, now=now), {("t", 0): 7})
    return replace(workplace, now=lambda: now)


def asked(workplace, stop=None, **more):
    return duties(workplace, stop or threading.Event(), **{"compact_hours": 1.0, "retain_days": 0, "vacuum_hours": 0,
                                                           **more})


def at(workplace, moment):
    return replace(workplace, now=lambda: moment)


def test_a_bank_is_compacted_at_once_and_then_when_the_time_is_over(banked, now, caplog):
    caplog.set_level(logging.INFO)
    tend(banked, asked(banked))
    assert "bank: compact: 1 duplicates dropped, 7 files -> 2" in caplog.text and banked.bank.n_texts("x") == 6
    banked.bank.append(make_rows(["new"], task="x", begin=7, now=now), {("t", 0): 8})
    for moment, n_files in ((now + 0.9 * HOUR, 3), (now + 1.1 * HOUR, 2)):
        again = replace(at(banked, moment), worker="trainer@restarted:2")
        tend(again, asked(again))
        assert len(banked.bank.files()) == n_files


def test_of_several_trainers_one_does_it(banked):
    done, begin = [], threading.Barrier(4)

    def work(number):
        one = replace(banked, worker=f"trainer@test:{number}")
        begin.wait()
        tend(one, [Duty("count", HOUR, lambda: done.append(number) or "done")])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


def test_old_days_go_with_an_audit_entry_and_the_samples_that_held_their_texts(banked, now):
    samples = folder_of(banked.cache) / "x"
    samples.mkdir(parents=True)
    tend(banked, asked(banked, compact_hours=0, retain_days=5))
    assert banked.bank.n_texts("x") == 4 and not samples.exists()
    with read(banked.engine) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "bank:retained")).one()
    assert (entry.actor, entry.reason) == ("trainer", "HYPERMATCH_TRAINER_RETAIN_DAYS=5")
    assert entry.details == {"since": (now - 5 * DAY).date().isoformat(), "n_rows": 3, "n_days": 1}


def test_bytes_that_no_young_version_needs_are_deleted(banked, now):
    tend(banked, asked(banked))
    files = set(Path(banked.bank.url).rglob("*.parquet"))
    left = next(iter(files)).with_name("part-of-a-writer-that-died.parquet")
    left.write_bytes(b"old")
    os.utime(left, (time.time() - 8 * DAY.total_seconds(),) * 2)
    tend(banked, asked(banked, compact_hours=0, vacuum_hours=168))
    assert set(Path(banked.bank.url).rglob("*.parquet")) == files, "those that compaction replaced are of today"


def test_a_failure_is_told_and_the_next_time_makes_up_for_it(banked, now, caplog, tmp_path):
    (tmp_path / "bank").rename(tmp_path / "away")
    (tmp_path / "bank").write_text("no folder")
    tend(banked, asked(banked))
    assert "bank: compact failed" in caplog.text
    (tmp_path / "bank").unlink()
    (tmp_path / "away").rename(tmp_path / "bank")
    later = at(banked, now + 1.1 * HOUR)
    tend(later, asked(later))
    assert len(banked.bank.files()) == 2


def test_one_duty_that_fails_keeps_no_other_from_being_done(banked, caplog):
    done = []
    tend(banked, [Duty("break", HOUR, lambda: 1 / 0), Duty("count", HOUR, lambda: done.append(1) or "done")])
    assert done and "ZeroDivisionError" in caplog.text


def test_a_trainer_that_is_told_to_stop_leaves_the_other_days(banked):
    stop = threading.Event()
    stop.set()
    tend(banked, asked(banked, stop))
    assert len(banked.bank.files()) == 7


def test_a_trainer_ticks_on_while_upkeep_takes_its_time(workplace, tmp_path):
    class Ticking(Trainer):
        n_ticks = 0

        def tick(self):
            self.n_ticks += 1

    stop, going = threading.Event(), threading.Event()
    trainer = Ticking(workplace, Triggers(1, 1, HOUR), tmp_path, stop, Tally(workplace.bank))
    slow = Duty("sleep", HOUR, lambda: str(going.wait(PATIENCE_SECONDS)))
    thread = threading.Thread(target=run_until_stopped, args=(trainer, 0.1, [slow]))
    thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while trainer.n_ticks < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    going.set()
    stop.set()
    thread.join()


def test_nothing_is_done_that_no_setting_asks_for(workplace):
    assert asked(workplace, compact_hours=0) == []
    plain = TrainerSettings()
    found = asked(workplace, compact_hours=plain.compact_hours, retain_days=plain.retain_days,
                  vacuum_hours=plain.vacuum_hours)
    assert [(duty.name, duty.every) for duty in found] == [("compact", HOUR), ("vacuum", DAY)]
