"""What a torture is made of: a schedule that its seed replays, bounds that notice growth, faults that are noticed."""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from infra.supervisor import Part, Supervisor
from infra.torture.faults import LASTING, Broken
from infra.torture.installation import Installation
from infra.torture.invariants import no_orphans
from infra.torture.people import flip_a_byte
from infra.torture.samples import MIN_SAMPLES, Sample, Samples, growth
from infra.torture.schedule import schedule
from infra.torture.trouble import trouble
from registry.database import write
from registry.errors import CorruptArtifact
from registry.leases import acquire, take_turn
from tests.conftest import require


def test_a_seed_replays_its_schedule_and_another_gives_another():
    assert schedule(7, 600, LASTING) == schedule(7, 600, LASTING)
    assert schedule(7, 600, LASTING) != schedule(8, 600, LASTING)


def test_every_kind_of_fault_comes_before_any_comes_twice():
    first = [each.fault for each in schedule(3, 600, LASTING)][:len(LASTING)]
    assert sorted(first) == sorted(LASTING)


def test_a_process_that_leaks_descriptors_or_memory_is_named_and_a_steady_one_is_not():
    steady = [Sample(40, 300.0)] * MIN_SAMPLES
    assert growth("serving", 1, steady) == []
    works_now_and_then = [Sample(40, 300.0 + 900.0 * (n % 3 > 0)) for n in range(MIN_SAMPLES)]
    assert growth("trainer", 1, works_now_and_then) == []
    leaking = [Sample(40 + n, 300.0 + 20 * n) for n in range(MIN_SAMPLES)]
    assert [told.split()[-1] for told in growth("serving", 1, leaking)] == ["mib"]
    leaking = [Sample(40 + 5 * n, 300.0) for n in range(MIN_SAMPLES)]
    assert [told.split()[-1] for told in growth("serving", 1, leaking)] == ["descriptors"]


def test_a_running_part_that_leaks_is_named_and_the_one_beside_it_is_not(tmp_path):
    waits = "import time; time.sleep(600)"
    leaks = "import time; held = []\nfor _ in range(64): held.append(b'x' * 2**24); time.sleep(0.05)\ntime.sleep(600)"
    installation, samples = object.__new__(Installation), Samples()
    parts = [Part(name, (sys.executable, "-c", code)) for name, code in (("leaky", leaks), ("steady", waits))]
    with Supervisor(parts, tmp_path, print) as installation.supervisor:
        deadline = time.monotonic() + 60
        while not samples.grown():
            assert time.monotonic() < deadline
            samples.take(installation)
            time.sleep(0.05)
    assert [told.split()[0] for told in samples.grown()] == ["leaky"]


def test_a_lease_of_a_dead_process_is_an_orphan_and_a_turn_that_it_took_is_none(any_engine):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    holder, now, installation = f"trainer@here:{killed.pid}", datetime.now(UTC), object.__new__(Installation)
    installation.engine = any_engine
    with write(any_engine) as session:
        assert take_turn(session, "bank:compact", holder, every=timedelta(hours=1), now=now)
        assert acquire(session, "of the living", f"trainer@here:{os.getpid()}", duration=timedelta(hours=1), now=now)
    assert no_orphans(installation) == []
    with write(any_engine) as session:
        assert acquire(session, "trainer:intents", holder, duration=timedelta(hours=1), now=now)
    assert len(told := no_orphans(installation)) == 1 and "trainer:intents" in told[0]


def test_only_what_a_killed_server_had_accepted_is_excused():
    broken = Broken([("ingest", 50.0), ("serving", 100.0)])
    assert broken.excuses(99.5, 100.1)
    assert not broken.excuses(49.5, 50.1) and not broken.excuses(90.0, 99.0) and not broken.excuses(110.0, 111.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_byte_is_noticed(store, tmp_path, seed):
    digest = store.store({"a.bin": b"some bytes"}, {})
    flip_a_byte(tmp_path / "artifacts" / digest / "a.bin", random.Random(seed))
    with pytest.raises(CorruptArtifact):
        store.load(digest)


def run_python(code, environment, folder):
    told = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True,
                          env={**os.environ, **environment}, timeout=60)
    return told.stdout.split()


@pytest.fixture
def made(tmp_path):
    made = trouble(tmp_path, print)
    require(made is not None, "a C compiler (cc)")
    return made


def test_a_clock_jumps_for_what_is_under_torture_and_for_nobody_else(made, tmp_path):
    told = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"
    for jump in (1_000, -1_000, 0):
        made.set_clock(jump)
        now, also, monotonic = map(float, run_python(told, made.environment, tmp_path))
        assert abs(now - time.time() - jump) < 60 and abs(also - now) < 60 and abs(monotonic - time.monotonic()) < 60


@pytest.mark.parametrize("jump", [1_000, -1_000])
def test_a_running_process_meets_the_jump_and_its_waits_stay_as_long(made, tmp_path, jump):
    code = ("import threading, time, struct, multiprocessing as m; before, begun = time.time(), time.monotonic()\n"
            f"open('trouble', 'r+b').write(struct.pack('=iI', {jump}, 0)); lock = m.Lock(); lock.acquire()\n"
            "time.sleep(0.2); threading.Event().wait(0.2); lock.acquire(timeout=0.2)\n"
            "print(time.time() - before, time.monotonic() - begun)")
    jumped, waited = map(float, run_python(code, made.environment, tmp_path))
    assert abs(jumped - jump) < 60 and 0.5 < waited < 50


def test_a_slow_disk_is_slow_below_its_folder_only_and_keeps_what_is_written(made, tmp_path):
    code = ("import time, pathlib\nfor folder in ('.', '/tmp'):\n    file = pathlib.Path(folder, '{name}')\n"
            "    begun = time.monotonic(); file.write_text('kept'); print(time.monotonic() - begun)\n"
            "    assert file.read_text() == 'kept'; file.unlink()").format(name=f"slow-{os.getpid()}")
    made.slow_disk(0.5)
    here, elsewhere = map(float, run_python(code, made.environment, tmp_path))
    assert here >= 0.5 > elsewhere
    made.slow_disk(0)
    assert float(run_python(code, made.environment, tmp_path)[0]) < 0.5
