"""The supervisor of workers keeps looking after them, whatever becomes of the clock."""

import asyncio
import time

from tornado.ioloop import PeriodicCallback

from serving.supervision import keep_steady_time


def test_what_is_done_every_moment_is_done_on_when_the_clock_is_set_back(monkeypatch):
    keep_steady_time()
    done, real = [], time.time

    async def look_every_moment():
        looking = PeriodicCallback(lambda: done.append(1), 10)
        looking.start()
        await asyncio.sleep(0.05)
        monkeypatch.setattr(time, "time", lambda: real() - 1_000)
        done.clear()
        deadline = time.monotonic() + 10
        while len(done) < 5 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        looking.stop()

    asyncio.run(look_every_moment())
    assert len(done) >= 5
