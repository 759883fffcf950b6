"""Runs the processes of one machine: starts them in order, restarts what dies, stops all in reverse."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from infra.guardian import Guardian

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
STABLE_SECONDS = 60.0                                 # a part that ran this long starts over with the first back-off
GRACE_SECONDS = 25.0                                  # between SIGTERM and SIGKILL
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Part:
    """One process: its name, its command and what its environment adds to ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class RunningPart:
    """A part with its process, restarted with growing patience."""

    def __init__(self, part: Part, log: Path, say: Callable[[str], None], guardian: Guardian) -> None:
        self.part, self.log, self.say, self.guardian = part, log, say, guardian
        self.backoff_seconds = FIRST_BACKOFF_SECONDS
        self.n_restarts = 0
        self.start_again_at: float | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.part.command, env={**os.environ, **self.part.environment},
                                            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            start_new_session=True)      # Ctrl-C reaches only the supervisor
        self.guardian.watch(self.process.pid)
        self.started_at = time.monotonic()
        self.start_again_at = None

    def tend(self) -> None:
        """Restart the process once its back-off is over, if it ended."""
        if self.start_again_at is not None:
            if time.monotonic() >= self.start_again_at:
                self.n_restarts += 1
                self.start()
        elif self.process.poll() is not None:
            self._schedule_restart()

    def stop(self) -> None:
        """Ask the process to end; end it and its children by force once its grace is over."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.say(f"{self.part.name} did not stop within {GRACE_SECONDS:.0f} s and is killed")
        self._end_group()

    def _schedule_restart(self) -> None:
        ran_seconds = time.monotonic() - self.started_at
        if ran_seconds > STABLE_SECONDS:
            self.backoff_seconds = FIRST_BACKOFF_SECONDS
        self.say(f"{self.part.name} ended with code {self.process.returncode}{last_line(self.log)}; "
                 f"again in {self.backoff_seconds:.0f} s (log: {self.log})")
        self._end_group()
        self.start_again_at = time.monotonic() + self.backoff_seconds
        self.backoff_seconds = min(2 * self.backoff_seconds, LONGEST_BACKOFF_SECONDS)

    def _end_group(self) -> None:
        """Kill what outlived the process; its id may be another's from now on."""
        if self.start_again_at is None:
            _kill_group(self.process.pid)
            self.guardian.forget(self.process.pid)


class Supervisor:
    """Keeps parts running between `__enter__` and `__exit__`, as long as `tend` or `wait` is called.

    If this process is killed, its parts are stopped all the same.
    """

    def __init__(self, parts: Sequence[Part], log_folder: Path, say: Callable[[str], None]) -> None:
        self.parts, self.log_folder, self.say = parts, log_folder, say
        self.running: list[RunningPart] = []

    def __enter__(self) -> "Supervisor":
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.guardian = Guardian(GRACE_SECONDS)
        for part in self.parts:
            self.running.append(RunningPart(part, self.log_folder / f"{part.name}.log", self.say, self.guardian))
        return self

    def __exit__(self, *_: object) -> None:
        for running in reversed(self.running):
            running.stop()
        self.guardian.dismiss()

    def tend(self) -> None:
        for running in self.running:
            running.tend()

    def wait(self, stop: Event) -> None:
        """Tend the parts until `stop` is set."""
        while not stop.wait(POLL_SECONDS):
            self.tend()


def last_line(log: Path) -> str:
    """Return what a process said last, as `: words`; empty if it said nothing."""
    lines = log.read_bytes()[-4_000:].decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
