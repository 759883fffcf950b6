"""Trouble that a library loaded into the parts makes: their clock jumps, and their disk is slow."""

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).with_name("trouble.c")
PREFIX = "HYPERMATCH_TROUBLE"


class Trouble:
    """What the processes that have `environment` meet; they see a change at once, for the file is mapped."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library, self.folder, self.file = library, folder, folder / "trouble"
        self.ahead_seconds, self.delay_seconds = 0.0, 0.0
        self._tell()

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), PREFIX: str(self.file), f"{PREFIX}_FOLDER": f"{self.folder}/"}

    def set_clock(self, ahead_seconds: float) -> None:
        """Let the time of day be so far ahead, behind if negative; durations are measured as before."""
        self.ahead_seconds = ahead_seconds
        self._tell()

    def slow_disk(self, delay_seconds: float) -> None:
        """Let each read, write, flush, rename and removal below the folder take so much longer."""
        self.delay_seconds = delay_seconds
        self._tell()

    def _tell(self) -> None:
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(struct.pack("=iI", round(self.ahead_seconds), round(self.delay_seconds * 1e6)))


def trouble(folder: Path, say: Callable[[str], None]) -> Trouble | None:
    """Compile the library; None where nothing does."""
    compiler, library = shutil.which("cc"), folder / "trouble.so"
    if compiler is None or subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"],
                                          check=False, capture_output=True).returncode:
        say("skipped: clock jumps, slow disk (no C compiler: apt-get install gcc libc6-dev)")
        return None
    return Trouble(library, folder)
