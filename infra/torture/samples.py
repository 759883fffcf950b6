"""Watches what each process holds: file descriptors and memory, over its life."""

from collections import defaultdict
from dataclasses import dataclass

import psutil

from infra.torture.installation import Installation

MIN_SAMPLES = 60                                      # of 5 s; in the first third each kind of work is done once
MAX_MORE_DESCRIPTORS = 20
MAX_MORE_MIB = 128


@dataclass(frozen=True)
class Sample:
    descriptors: int
    mib: float


class Samples:
    """Samples by process; two processes with one number are told apart by when they began."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int, float], list[Sample]] = defaultdict(list)

    def take(self, installation: Installation) -> None:
        for running in installation.supervisor.running:
            for process in installation.tree(running.part.name):
                try:
                    key = (running.part.name, process.pid, process.create_time())
                    self.taken[key].append(Sample(process.num_fds(), held_mib(process)))
                except psutil.Error:
                    continue                          # it ended meanwhile

    def grown(self) -> list[str]:
        """Name the processes that hold more and more: the least of the last third over the least of the middle one.

        What is held between works is compared: a run that is under way needs more, and gives it back.
        """
        return [words for (part, pid, _), samples in self.taken.items() for words in growth(part, pid, samples)]

    @property
    def judged_mib(self) -> dict[str, list[int]]:
        """Return what each process that lived long enough to be judged held, sample by sample."""
        return {f"{part} ({pid})": [round(each.mib) for each in samples]
                for (part, pid, _), samples in self.taken.items() if len(samples) >= MIN_SAMPLES}


def held_mib(process: psutil.Process) -> float:
    """Return the memory that is the process's own; pages of files, such as libraries, the system takes back at will."""
    memory = process.memory_info()
    return float(memory.rss - getattr(memory, "shared", 0)) / 2**20


def growth(part: str, pid: int, samples: list[Sample]) -> list[str]:
    if len(samples) < MIN_SAMPLES:
        return []
    third = len(samples) // 3
    middle, last = samples[third:2 * third], samples[-third:]
    told = []
    for name, bound in (("descriptors", MAX_MORE_DESCRIPTORS), ("mib", MAX_MORE_MIB)):
        before, after = (min(getattr(one, name) for one in part) for part in (middle, last))
        if after - before > bound:
            told.append(f"{part} ({pid}) grew from {before:.0f} to {after:.0f} {name}")
    return told
