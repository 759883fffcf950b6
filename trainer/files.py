"""Writes a file whole or not at all, and names a full disk."""

import errno
import os
from pathlib import Path

from trainer.errors import NoSpace, TrainerError


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` under `path`: readers see all of it or nothing; raises NoSpace on a full disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _explained(path, error) from error


def _explained(path: Path, error: OSError) -> TrainerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(f"no space left for {path}", "free some space and run the command again")
    return TrainerError(f"{path} cannot be written: {error.strerror or error}", "check HYPERMATCH_TRAINER_CACHE")
