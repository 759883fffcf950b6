"""Libraries that are loaded into the processes under torture, so that their clock can jump and their disk can be slow."""

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

LIBFAKETIME = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1",
               "/usr/local/lib/faketime/libfaketimeMT.so.1")
SOURCE = Path(__file__).with_name("slow_disk.c")
RIGHT = "+0"


class Clock:
    """The time of day of the processes that have `environment`; what they measure durations with goes on evenly."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library, self.file = library, folder / "clock"
        self.file.write_text(RIGHT)

    @property
    def environment(self) -> dict[str, str]:
        return {"FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}

    def jump(self, seconds: float) -> None:
        replace(self.file, f"{seconds:+.0f}".encode())

    def mend(self) -> None:
        replace(self.file, RIGHT.encode())


class SlowDisk:
    """The disk below `folder` as the processes that have `environment` meet it."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library, self.folder, self.file = library, folder, folder / "delay"
        self.file.write_bytes(struct.pack("=I", 0))

    @property
    def environment(self) -> dict[str, str]:
        return {"HYPERMATCH_SLOW_DISK": str(self.file), "HYPERMATCH_SLOW_FOLDER": f"{self.folder}/"}

    def delay(self, seconds: float) -> None:
        """Let each read, write, rename and flush take so long; the file is mapped, so it is not replaced."""
        with self.file.open("r+b") as file:
            file.write(struct.pack("=I", int(seconds * 1e6)))

    def mend(self) -> None:
        self.delay(0)


def replace(file: Path, content: bytes) -> None:
    """Change a file at once: a clock that is half written is no clock."""
    partial = file.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(file)


def clock(folder: Path, say: Callable[[str], None]) -> Clock | None:
    """Return a clock that can jump; None where libfaketime is not installed."""
    found = [path for pattern in LIBFAKETIME for path in sorted(Path("/").glob(pattern[1:]))]
    if not found:
        say("skipped: clock jumps (libfaketime is not installed: apt-get install faketime)")
        return None
    return Clock(found[0], folder)


def slow_disk(folder: Path, say: Callable[[str], None]) -> SlowDisk | None:
    """Return a disk that can be slow; None where nothing compiles its library."""
    compiler = shutil.which("cc")
    library = folder / "slow_disk.so"
    if compiler is None or subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"],
                                          check=False, capture_output=True).returncode:
        say("skipped: slow disk (no C compiler)")
        return None
    return SlowDisk(library, folder)


def environment_of(*preloads: Clock | SlowDisk | None) -> dict[str, str]:
    """Return what loads them into a process."""
    there = [each for each in preloads if each is not None]
    merged = {name: value for each in there for name, value in each.environment.items()}
    return {**merged, "LD_PRELOAD": ":".join(str(each.library) for each in there)} if there else {}
