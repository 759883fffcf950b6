"""The pace at which a model is loaded and proven: at once, or beside another that answers and needs the cores."""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

LOW_PRIORITY = 10                                     # a tenth of a busy core: with less, moments that need the lock
                                                      # after all could hold it up for 0.2 s on a crowded machine
LONGEST_REST_SECONDS = 0.05                           # enough after any piece; one that took long gave way already
A = TypeVar("A")


@dataclass(frozen=True)
class Pace:
    """How many rows run at a time, and for how many times as long as a run took nothing runs after it.

    On `executor`, whose threads may give way, runs what does not need the interpreter's
    lock: a thread that gives way while it holds that lock would hold up all others.
    """

    rows: int
    rest: float
    reading_rest: float = 0.0                         # the same after each piece that was read and hashed
    executor: Executor | None = None

    def aside(self, run: Callable[..., A], *arguments: Any) -> A:
        return run(*arguments) if self.executor is None else self.executor.submit(run, *arguments).result()

    def breathe(self, seconds: float) -> None:
        """Rest after `seconds` of reading."""
        _rest(self.reading_rest * seconds)

    def spend(self, run: Callable[..., A], *arguments: Any) -> A:
        """Run aside, then rest in proportion."""
        begun = time.monotonic()
        result = self.aside(run, *arguments)
        _rest(self.rest * (time.monotonic() - begun))
        return result


def _rest(seconds: float) -> None:
    if seconds > 0:                                   # even a sleep of no time gives the lock away
        time.sleep(min(seconds, LONGEST_REST_SECONDS))


AT_ONCE = Pace(rows=64, rest=0)
GENTLE = Pace(rows=1, rest=4.0, reading_rest=4.0)     # a fifth of one core
GIVING_WAY = Pace(rows=1, rest=3.0, reading_rest=4.0)          # runs on a thread that takes what others leave


def yield_to_others() -> None:
    """Let this thread, where threads have priorities of their own (Linux), give way to those that answer."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
