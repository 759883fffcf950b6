"""The faults: each breaks one thing for a while and says how to let go of it."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import psutil

from infra.supervisor import RunningPart
from infra.torture.installation import Installation
from infra.torture.load import POISON, Sender
from infra.torture.people import People

PARTS = ("ingest", "trainer", "serving", "console")
AFTER_A_KILL_SECONDS = 3.0                            # until the supervisor has ended what the killed process left
JUMP_SECONDS = (10.0, 2_400.0)                        # Kafka refuses messages from an hour ahead
DELAY_SECONDS = (0.01, 0.1)                           # a disk that is busy; each call takes so much longer
Undo = Callable[[], None]


@dataclass
class Broken:
    """The parts that faults struck, and when: what a killed server had accepted is excused, and nothing else."""

    killed: list[tuple[str, float]] = field(default_factory=list)

    def excuses(self, begun: float, ended: float) -> bool:
        return any(begun <= at + AFTER_A_KILL_SECONDS and ended >= at for part, at in self.killed if part == "serving")


class Faults:
    """Everything that can be broken; `begin` returns how to mend it."""

    def __init__(self, installation: Installation, sender: Sender, people: People) -> None:
        self.installation, self.sender, self.people, self.broken = installation, sender, people, Broken()
        self.kinds: dict[str, Callable[[random.Random], tuple[str, Undo]]] = {
            "kill": self.kill, "kill a child": self.kill_child, "pause": self.pause, "broker": self.broker,
            "database": self.database, "poison": self.poison, "corrupt bundle": self.corrupt_bundle,
            "swap": self.swap, "train": self.train,
            **({"full disk": self.full_disk} if installation.disk else {}),
            **({"clock": self.jump_clock, "slow disk": self.slow_disk} if installation.trouble else {})}

    def begin(self, kind: str, seed: int) -> tuple[str, Undo]:
        """Break something of this kind; return what was done in words, and its undoing."""
        return self.kinds[kind](random.Random(seed))

    def kill(self, draw: random.Random) -> tuple[str, Undo]:
        part = self._part(draw)
        self._kill(part.part.name, part.process.pid)
        return f"kill -9 {part.part.name}", nothing

    def kill_child(self, draw: random.Random) -> tuple[str, Undo]:
        name = draw.choice(("ingest", "serving"))
        children = [child for child in self.installation.tree(name)[1:] if not _is_pythons_own(child)]
        if not children:
            return f"kill -9 a child of {name}: it has none now", nothing
        child = draw.choice(children)
        self._kill(name, child.pid)
        return f"kill -9 a child of {name}", nothing

    def pause(self, draw: random.Random) -> tuple[str, Undo]:
        part = self._part(draw)
        group = part.process.pid
        signal_group(group, signal.SIGSTOP)
        return f"SIGSTOP {part.part.name}", lambda: signal_group(group, signal.SIGCONT)

    def broker(self, _: random.Random) -> tuple[str, Undo]:
        self.installation.kafka.stop()
        return "kill -9 the broker", self.installation.kafka.start

    def database(self, _: random.Random) -> tuple[str, Undo]:
        self.installation.postgres.stop()
        return "stop the database at once", self.installation.postgres.start

    def poison(self, draw: random.Random) -> tuple[str, Undo]:
        kind = draw.randrange(len(POISON) + 1)
        self.sender.poison(kind)
        return f"poisoned message {POISON[kind][:20]!r}" if kind < len(POISON) else "poisoned message of 10 MB", nothing

    def corrupt_bundle(self, draw: random.Random) -> tuple[str, Undo]:
        said = self.people.promote_spoiled(draw)
        return said, partial(self.people.roll_back, 0)    # whoever waits here keeps the database from coming back

    def swap(self, draw: random.Random) -> tuple[str, Undo]:
        return self.people.swap(draw), nothing

    def train(self, _: random.Random) -> tuple[str, Undo]:
        return self.people.ask_for_a_run(), nothing

    def full_disk(self, _: random.Random) -> tuple[str, Undo]:
        assert self.installation.disk is not None
        filler = self.installation.disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 2**16):
                continue
        return "fill the disk of the bank", lambda: filler.unlink(missing_ok=True)

    def jump_clock(self, draw: random.Random) -> tuple[str, Undo]:
        assert self.installation.trouble is not None
        seconds = draw.choice((-1, 1)) * draw.uniform(*JUMP_SECONDS)
        self.installation.trouble.set_clock(seconds)
        said = f"set the clock {'back' if seconds < 0 else 'ahead'} {abs(seconds):.0f} s"
        return said, partial(self.installation.trouble.set_clock, 0)

    def slow_disk(self, draw: random.Random) -> tuple[str, Undo]:
        assert self.installation.trouble is not None
        seconds = draw.uniform(*DELAY_SECONDS)
        self.installation.trouble.slow_disk(seconds)
        said = f"let the disk take {seconds * 1_000:.0f} ms longer for each call"
        return said, partial(self.installation.trouble.slow_disk, 0)

    def _part(self, draw: random.Random) -> RunningPart:
        return self.installation.part(draw.choice(PARTS))

    def _kill(self, part: str, pid: int) -> None:
        self.broken.killed.append((part, time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# How long each kind lasts, in seconds.
LASTING = {"kill": (0.0, 0.0), "kill a child": (0.0, 0.0), "pause": (1.0, 8.0), "broker": (0.5, 8.0),
           "database": (0.5, 6.0), "poison": (0.0, 0.0), "corrupt bundle": (3.0, 8.0), "swap": (0.0, 0.0),
           "train": (0.0, 0.0), "full disk": (2.0, 8.0), "clock": (2.0, 20.0), "slow disk": (3.0, 10.0)}


def nothing() -> None:
    return


def signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _is_pythons_own(process: psutil.Process) -> bool:
    """Say whether it is what Python starts to tidy up after others; killed, it prints a traceback of its own."""
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.Error:
        return True
