"""Keeps BentoML's supervisor looking after its workers while the machine's clock is set."""

import time

from tornado.ioloop import IOLoop


def keep_steady_time() -> None:
    """Let tornado, on which BentoML's supervisor runs, take its time from a clock that is never set.

    By default it takes the time of day: set back by 20 minutes, the supervisor would look for
    workers that died 20 minutes later. Which clock a loop has is tornado's to choose, not part of
    what callers rely on (tornado.ioloop.IOLoop.time).
    """
    IOLoop.time = _steady_time  # type: ignore[assignment]


def _steady_time(_: IOLoop) -> float:
    return time.monotonic()
