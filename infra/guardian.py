"""Outlives a killed supervisor long enough to end the processes that it left running."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

POLL_SECONDS = 0.1


class Guardian:
    """A process of its own that ends the processes named to it once this one is gone, whatever ended it.

    It reads their ids from a pipe, and the end of the pipe is how it learns of our end:
    no signal, not even SIGKILL, keeps the kernel from closing it.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "infra.guardian", str(grace_seconds)],
                                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True)

    def watch(self, pid: int) -> None:
        """End `pid`, which leads a process group, and its group once we are gone."""
        self._say(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        self._say(f"-{pid}\n")

    def dismiss(self) -> None:
        """Have it end what it still watches, then itself."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):     # somebody killed it: the parts run on, only unguarded
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def guard(lines: Iterable[str], grace_seconds: float) -> None:
    """Follow `lines` to their end, then end what they left."""
    watched: list[int] = []
    for line in lines:
        pid = int(line[1:])
        if line[0] == "+":
            watched.append(pid)
        else:
            watched.remove(pid)
    end(watched[::-1], grace_seconds)


def end(pids: list[int], grace_seconds: float) -> None:
    """Ask each process to end, the last started first; end their groups by force once the grace is over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + grace_seconds
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guard(sys.stdin, float(sys.argv[1]))
