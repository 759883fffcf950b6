"""Servers of the benchmark as processes: asleep unless they are measured, their CPU time and memory read."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil

from infra.demo.traffic import get
from infra.supervisor import RunningPart, Supervisor, last_line
from registry.errors import HyperMatchError

PATIENCE_SECONDS = 120.0
MOMENT_SECONDS = 0.2


class Running:
    """One server with all its processes."""

    def __init__(self, running: RunningPart) -> None:
        self.running = running

    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.running.process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def sleep(self) -> None:
        self._each("suspend")

    def wake(self) -> None:
        self._each("resume")

    def cpu_seconds(self) -> float:
        """Return what the processes have spent; those that ended are not in it."""
        times = [process.cpu_times() for process in self.processes()]
        return sum(each.user + each.system for each in times)

    def memory_mib(self) -> float:
        """Return what the processes hold, shared pages counted once."""
        return sum(process.memory_full_info().pss for process in self.processes()) / 2**20

    def wait_until_ready(self, port: int, path: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while get(port, path) is None:
            if self.running.process.poll() is not None or time.monotonic() > deadline:
                name = self.running.part.name
                raise HyperMatchError(f"{name} did not become ready{self.last_line()}",
                                      f"leave {name} out of --against")
            time.sleep(MOMENT_SECONDS)
        self.guard()

    def guard(self) -> None:
        """Have those children ended too, if we are killed, that left the server's group: asleep they hear nothing."""
        for process in self.processes()[1:]:
            if os.getpgid(process.pid) == process.pid:
                self.running.guardian.watch(process.pid)

    def last_line(self) -> str:
        return last_line(self.running.log)

    def _each(self, act: str) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, act)()


@contextmanager
def sleepers(supervisor: Supervisor) -> Iterator[dict[str, Running]]:
    """Yield the servers by name; all are awake afterwards, since one that sleeps hears of no end."""
    running = {each.part.name: Running(each) for each in supervisor.running}
    try:
        yield running
    finally:
        for each in running.values():
            each.wake()


@contextmanager
def asleep_but(name: str, running: Mapping[str, Running]) -> Iterator[None]:
    """Wake one server, if it is one, and let it sleep again afterwards."""
    awake = running.get(name)
    if awake is not None:
        awake.wake()
    try:
        yield
    finally:
        if awake is not None:
            awake.sleep()
