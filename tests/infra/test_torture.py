"""What a torture is made of: a schedule that its seed replays, bounds that notice growth, faults that are noticed."""

import os
import random
import subprocess
import sys
import time

import pytest

from infra.torture import preloads
from infra.torture.faults import LASTING, Broken
from infra.torture.people import flip_a_byte
from infra.torture.samples import MIN_SAMPLES, Sample, growth
from infra.torture.schedule import schedule
from registry.errors import CorruptArtifact
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
    leaking = [Sample(40 + 2 * n, 300.0 + 20 * n) for n in range(MIN_SAMPLES)]
    assert [told.split()[-1] for told in growth("serving", 1, leaking)] == ["mib"]
    leaking = [Sample(40 + 5 * n, 300.0) for n in range(MIN_SAMPLES)]
    assert [told.split()[-1] for told in growth("serving", 1, leaking)] == ["descriptors"]


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


def there(preload, what_to_install):
    require(preload is not None, what_to_install)
    return preload


def test_a_clock_jumps_for_what_is_under_torture_and_for_nobody_else(tmp_path):
    clock = there(preloads.clock(tmp_path, print), "libfaketime (apt-get install faketime)")
    environment = preloads.environment_of(clock)
    told = "import time; print(time.time(), time.monotonic())"
    for jump in (1_000, -1_000, 0):
        clock.jump(jump)
        now, monotonic = map(float, run_python(told, environment, tmp_path))
        assert abs(now - time.time() - jump) < 60 and abs(monotonic - time.monotonic()) < 60
    clock.jump(1_000)
    clock.mend()
    assert abs(float(run_python(told, environment, tmp_path)[0]) - time.time()) < 60


def test_a_running_process_meets_the_jump_and_its_waits_stay_as_long(tmp_path):
    clock = there(preloads.clock(tmp_path, print), "libfaketime (apt-get install faketime)")
    code = ("import threading, time; before = time.time(); open('clock', 'w').write('+1000'); begun = time.monotonic()\n"
            "threading.Event().wait(0.5); print(time.time() - before, time.monotonic() - begun)")
    jumped, waited = map(float, run_python(code, preloads.environment_of(clock), tmp_path))
    assert 990 < jumped < 1_060 and 0.4 < waited < 60


def test_a_slow_disk_is_slow_below_its_folder_only_and_keeps_what_is_written(tmp_path):
    disk = there(preloads.slow_disk(tmp_path, print), "a C compiler (cc)")
    code = ("import time, pathlib\nfor folder in ('.', '/tmp'):\n    file = pathlib.Path(folder, '{name}')\n"
            "    begun = time.monotonic(); file.write_text('kept'); print(time.monotonic() - begun)\n"
            "    assert file.read_text() == 'kept'; file.unlink()").format(name=f"slow-{os.getpid()}")
    disk.delay(0.5)
    here, elsewhere = map(float, run_python(code, preloads.environment_of(disk), tmp_path))
    assert here >= 0.5 > elsewhere
    disk.mend()
    assert float(run_python(code, preloads.environment_of(disk), tmp_path)[0]) < 0.5
