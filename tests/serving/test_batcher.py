"""The batcher: bounded, punctual, and never two versions in one answer."""

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from serving.batcher import Batcher
from serving.errors import DeadlineExceeded, NotLoaded, Overloaded
from serving.metrics import Metrics
from serving.slot import Loaded, ModelSlot


class Echo:
    """A predictor whose answer for a text is its version and the text's own number; it may take its time."""

    def __init__(self, version, seconds=0.0, gate=None):
        self.version, self.seconds, self.gate, self.sizes = version, seconds, gate, []

    def probs(self, texts):
        self.sizes.append(len(texts))
        if self.gate is not None:
            self.gate.wait(10)
        time.sleep(self.seconds)
        answers = np.array([[self.version, float(text)] for text in texts], dtype=np.float64).reshape(-1, 2)
        return answers, np.zeros(len(texts))


def loaded(version, **more):
    return Loaded(version, 1, Echo(version, **more))


@pytest.fixture
def make():
    with ThreadPoolExecutor(1) as executor:
        def build(current=None, **limits):
            slot = ModelSlot()
            if current is not None:
                slot.swap(current)
            return Batcher(slot, executor, Metrics(), **{"max_queue_texts": 64, "max_batch_texts": 8, **limits})

        yield build


def test_what_waits_while_a_batch_runs_becomes_the_next_batch(make):
    gate = threading.Event()
    current = loaded(1, gate=gate)

    async def run():
        batcher = make(current)
        first = asyncio.create_task(batcher.answer(["0"], 5))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(batcher.answer([str(n)], 5)) for n in range(1, 12)]
        await asyncio.sleep(0.05)
        gate.set()
        return await asyncio.gather(first, *rest)

    answers = asyncio.run(run())
    assert [answer.probs[0, 1] for answer in answers] == list(range(12))
    assert current.predictor.sizes == [1, 8, 3]


def test_those_who_ask_again_at_once_are_one_batch_again(make):
    current = loaded(1, seconds=0.2)                  # a breath is 6 ms

    async def ask(batcher, pause):
        await batcher.answer(["0"], 5)
        await asyncio.sleep(pause)
        await batcher.answer(["1"], 5)

    async def run():
        batcher = make(current)
        await asyncio.gather(*(ask(batcher, 0.003 * number) for number in range(8)))

    asyncio.run(run())
    assert current.predictor.sizes == [8, 8]


def test_a_long_list_alone_is_computed_on_all_lanes_at_once_and_answered_in_order():
    current = loaded(1, seconds=0.2)

    async def run(executor):
        slot = ModelSlot()
        slot.swap(current)
        batcher = Batcher(slot, executor, Metrics(), max_queue_texts=64, max_batch_texts=8, n_lanes=2)
        begun = time.perf_counter()
        answer = await batcher.answer([str(number) for number in range(16)], 5)
        return answer, time.perf_counter() - begun, batcher

    with ThreadPoolExecutor(2) as executor:
        answer, seconds, batcher = asyncio.run(run(executor))
    assert answer.probs[:, 1].tolist() == list(range(16)) and set(answer.probs[:, 0]) == {1}
    assert current.predictor.sizes == [8, 8] and seconds < 0.35 and batcher.n_computing == 0


def test_a_lone_request_waits_for_nobody(make):
    async def run():
        batcher = make(loaded(1, seconds=0.1))
        await batcher.answer(["0"], 5)
        await asyncio.sleep(0.003)                    # into the breath that follows a run
        begun = time.perf_counter()
        await batcher.answer(["1"], 5)
        return time.perf_counter() - begun

    assert asyncio.run(run()) < 0.2                   # a run, and some breaths of 3 ms


@pytest.mark.parametrize("n_turns", range(8))
def test_a_request_that_comes_while_the_lane_ends_is_computed_all_the_same(make, n_turns):
    current = loaded(1)

    async def run():
        batcher = make(current)
        first = asyncio.create_task(batcher.answer(["0"], 5))
        await asyncio.sleep(0)
        batcher.slot.clear()                          # nothing to compute: the lane ends within some turns of the loop
        with pytest.raises(NotLoaded):
            await first
        batcher.slot.swap(current)
        for _ in range(n_turns):
            await asyncio.sleep(0)
        return await batcher.answer(["1"], 1)

    assert asyncio.run(run()).probs[0, 1] == 1


def test_a_request_that_comes_while_a_list_takes_all_lanes_is_computed_next():
    gate, broken = threading.Event(), []
    current = loaded(1, gate=gate)

    async def run(executor):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
        slot = ModelSlot()
        slot.swap(current)
        batcher = Batcher(slot, executor, Metrics(), max_queue_texts=64, max_batch_texts=32, n_lanes=2)
        long = asyncio.create_task(batcher.answer([str(n) for n in range(32)], 5))
        await asyncio.sleep(0.05)
        alone = asyncio.create_task(batcher.answer(["40"], 2))
        await asyncio.sleep(0.05)
        gate.set()
        await long
        return await alone

    with ThreadPoolExecutor(2) as executor:
        assert asyncio.run(run(executor)).probs[0, 1] == 40
    gc.collect()                                      # a lane that broke is told about when it is collected
    assert not broken


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(make):
    gate = threading.Event()

    async def run():
        batcher = make(loaded(1, gate=gate), max_queue_texts=4)
        running = asyncio.create_task(batcher.answer(["0"], 5))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(batcher.answer(["1", "2", "3", "4"], 5))
        await asyncio.sleep(0.05)
        with pytest.raises(Overloaded) as refused:
            await batcher.answer(["5"], 5)
        assert refused.value.retry_after_seconds >= 1
        gate.set()
        await asyncio.gather(running, waiting)
        return await batcher.answer(["6"], 5)         # room again

    assert asyncio.run(run()).probs[0, 1] == 6


def test_a_request_past_its_deadline_is_told_so_and_never_computed(make):
    gate = threading.Event()
    current = loaded(1, gate=gate)

    async def run():
        batcher = make(current)
        running = asyncio.create_task(batcher.answer(["0"], 5))
        await asyncio.sleep(0.05)
        with pytest.raises(DeadlineExceeded):
            await batcher.answer(["1", "2"], 0.05)
        gate.set()
        await running
        await batcher.answer(["3"], 5)
        assert batcher.n_queued == 0

    asyncio.run(run())
    assert current.predictor.sizes == [1, 1]


def test_without_a_model_there_is_no_answer(make):
    with pytest.raises(NotLoaded):
        asyncio.run(make().answer(["1"], 1))


def test_a_batch_that_fails_fails_alone(make):
    async def run():
        batcher = make(loaded(1))
        with pytest.raises(ValueError):
            await batcher.answer(["not a number"], 5)
        return await batcher.answer(["7"], 5)

    assert asyncio.run(run()).probs[0, 1] == 7


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=30), seed=st.integers(0, 1_000))
def test_swaps_at_any_moment_never_mix_an_answer(sizes, seed):
    versions = [loaded(number, seconds=0.0005) for number in range(3)]

    async def run(executor):
        slot = ModelSlot()
        slot.swap(versions[0])
        batcher = Batcher(slot, executor, Metrics(), max_queue_texts=10_000, max_batch_texts=8)

        async def swap():
            for number in range(20):
                slot.swap(versions[(seed + number) % 3])
                await asyncio.sleep(0.0007)

        asks = [batcher.answer([str(number)] * size, 10) for number, size in enumerate(sizes)]
        return (await asyncio.gather(*asks, swap()))[:-1]

    with ThreadPoolExecutor(1) as executor:
        answers = asyncio.run(run(executor))
    for number, (size, answer) in enumerate(zip(sizes, answers, strict=True)):
        assert answer.probs.shape == (size, 2)
        assert (answer.probs[:, 0] == answer.by.version_number).all() and (answer.probs[:, 1] == number).all()


def test_the_previous_version_stays_loaded_for_an_instant_return():
    slot, first, second = ModelSlot(), loaded(1), loaded(2)
    slot.swap(first)
    slot.swap(second)
    assert slot.previous is first
    first.predictor.digest = "d"
    second.predictor.digest = "e"
    wanted = SimpleNamespace(version_number=1, digest="d")
    assert slot.loaded(wanted) is first
    slot.swap(first)
    assert (slot.current, slot.previous) == (first, second)
    slot.swap(first)
    assert slot.previous is second


def test_texts_that_wait_are_told_while_they_do(make):
    gate = threading.Event()
    current = loaded(1, gate=gate)

    def told():
        return REGISTRY.get_sample_value("hypermatch_serving_waiting_texts")

    async def run():
        batcher, before = make(current), told()
        asked = [asyncio.create_task(batcher.answer(["0"], 5))]
        await asyncio.sleep(0.05)
        asked += [asyncio.create_task(batcher.answer(texts, 5)) for texts in (["1", "2"], ["3"])]
        await asyncio.sleep(0.05)
        waiting = told() - before
        gate.set()
        await asyncio.gather(*asked)
        return waiting, told() - before

    assert asyncio.run(run()) == (3, 0)
