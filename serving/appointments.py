"""Swaps at a moment that all servers agreed on, by the clock of the database that they share."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from registry.database import database_time
from registry.lifecycle.promotion import Wanted

FORGET_SECONDS = 60.0                                 # two clocks that were compared longer ago may have drifted apart


class DatabaseClock:
    """Tells the database's time from this machine's monotonic clock, so that a local clock that jumps moves nothing.

    Off by at most half of the quickest round trip of the last minute.
    """

    def __init__(self) -> None:
        self.epoch = time.time() - time.monotonic()   # until first compared
        self.round_trip, self.compared_at = float("inf"), float("-inf")

    def compare(self, session: Session) -> None:
        begun = time.monotonic()
        told = database_time(session)
        ended = time.monotonic()
        if ended - begun <= self.round_trip or ended - self.compared_at > FORGET_SECONDS:
            self.epoch = told.timestamp() - (begun + ended) / 2
            self.round_trip, self.compared_at = ended - begun, ended

    def seconds_until(self, moment: datetime | None) -> float:
        """Return 0 for no moment, less for one that has passed."""
        return 0.0 if moment is None else moment.timestamp() - self.epoch - time.monotonic()


class Appointments:
    """What is to happen for a task at a moment, on a thread of its own: a version that is being loaded delays none."""

    def __init__(self) -> None:
        self.made: dict[str, tuple[Wanted, threading.Timer]] = {}
        self.lock = threading.Lock()

    def make(self, each: Wanted, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, self._keep, (each, act))
        timer.daemon = True
        with self.lock:
            self.made[each.task] = each, timer
        timer.start()

    def confirm(self, each: Wanted) -> bool:
        """Say whether what is wanted will happen; an appointment for anything else is canceled."""
        with self.lock:
            wanted, timer = self.made.get(each.task, (each, None))
            if (wanted.digest, wanted.generation) != (each.digest, each.generation) and timer is not None:
                timer.cancel()
                del self.made[each.task]
            return each.task in self.made

    def _keep(self, each: Wanted, act: Callable[[], None]) -> None:
        with self.lock:
            if self.made.get(each.task, (None,))[0] is each:
                del self.made[each.task]
                act()
