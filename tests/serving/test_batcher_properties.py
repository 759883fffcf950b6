"""However requests come and leave, each is answered rightly or refused with a reason, and the batcher is idle after."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.batcher import Batcher
from serving.errors import DeadlineExceeded, Overloaded
from serving.metrics import Metrics
from serving.slot import ModelSlot
from tests.serving.test_batcher import loaded

SECONDS = st.sampled_from([0.0, 0.0005, 0.002, 0.005])
REQUESTS = st.lists(st.fixed_dictionaries({
    "after": SECONDS, "n_texts": st.integers(1, 40), "leaves_after": st.none() | SECONDS,
    "deadline": st.sampled_from([0.001, 10.0])}), min_size=1, max_size=25)


async def ask(batcher, number, request):
    """Return what became of a request, in words; one whose client left is `left`."""
    await asyncio.sleep(request["after"] * number)
    texts = [str(100 * number + each) for each in range(request["n_texts"])]
    asked = asyncio.ensure_future(batcher.answer(texts, request["deadline"]))
    if request["leaves_after"] is not None:
        await asyncio.sleep(request["leaves_after"])
        asked.cancel()
    try:
        answer = await asked
    except asyncio.CancelledError:
        return "left"
    except (Overloaded, DeadlineExceeded) as error:
        return type(error).__name__
    assert answer.probs[:, 1].tolist() == [float(text) for text in texts]
    assert (answer.probs[:, 0] == answer.by.version_number).all() and len(answer.novelty) == len(texts)
    return "answered"


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, n_lanes=st.integers(1, 3), max_queue=st.sampled_from([40, 200]), batch=st.integers(1, 16))
def test_every_request_has_one_end_and_nothing_is_left_over(requests, n_lanes, max_queue, batch):
    async def run(executor):
        slot = ModelSlot()
        slot.swap(loaded(1, seconds=0.001))
        batcher = Batcher(slot, executor, Metrics(), max_queue_texts=max_queue, max_batch_texts=batch, n_lanes=n_lanes)
        ends = await asyncio.gather(*(ask(batcher, number, each) for number, each in enumerate(requests)))
        while batcher.lanes:                          # those whose clients left are computed to their end
            await asyncio.wait(batcher.lanes, timeout=10)
        return batcher, ends

    with ThreadPoolExecutor(n_lanes) as executor:
        batcher, ends = asyncio.run(run(executor))
    for request, end in zip(requests, ends, strict=True):
        may = {"answered", "Overloaded"} | ({"left"} if request["leaves_after"] is not None else set())
        assert end in may | ({"DeadlineExceeded"} if request["deadline"] < 1 else set())
    assert (batcher.n_queued, len(batcher.queue), batcher.n_computing) == (0, 0, 0)
