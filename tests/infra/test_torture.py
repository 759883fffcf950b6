"""What a torture is made of: a schedule that its seed replays, bounds that notice growth, faults that are noticed."""

import random

import pytest

from infra.torture.faults import LASTING, Broken
from infra.torture.people import flip_a_byte
from infra.torture.samples import MIN_SAMPLES, Sample, growth
from infra.torture.schedule import schedule
from registry.errors import CorruptArtifact


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
