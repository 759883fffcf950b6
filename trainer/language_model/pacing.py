"""When to call again: waits between retries with jitter, and a rate that calls keep to together."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock


@dataclass(frozen=True)
class Retries:
    """How often a failed call is made again, and how long each wait may grow."""

    n_retries: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 60.0

    def wait_seconds(self, attempt: int, asked_seconds: float | None, randomness: random.Random) -> float:
        """Return how long to wait after failed `attempt` 0, 1, ...

        A server that asked for a time gets it, and a little more, so that clients do not come back as one.
        """
        ceiling = min(self.longest_seconds, self.first_seconds * 2**attempt)
        if asked_seconds is not None:
            return asked_seconds + randomness.uniform(0, self.first_seconds)
        return randomness.uniform(0, ceiling)


class Pace:
    """Spaces calls of all threads so that no more than `per_minute` begin in any minute; 0 is no limit."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self.seconds = 60 / per_minute if per_minute > 0 else 0.0
        self.clock, self.sleep = clock, sleep
        self._next_at, self._lock = -float("inf"), Lock()

    def wait(self) -> None:
        """Return when the caller's turn has come."""
        with self._lock:
            now = self.clock()
            turn_at = max(now, self._next_at)
            self._next_at = turn_at + self.seconds
        if turn_at > now:
            self.sleep(turn_at - now)


def asked_seconds(retry_after: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date; None if there is none or it is unreadable."""
    if retry_after is None:
        return None
    try:
        return max(float(retry_after), 0.0)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
