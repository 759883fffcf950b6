"""Environments for peers: made below `.hypermatch/peers` when first asked for, with pip, and kept."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree

from registry.errors import HyperMatchError

HOME = Path(".hypermatch/peers")
REQUIREMENTS = Path(__file__).parent
RUNTIME = {"onnxruntime": "onnxruntime-gpu", "tokenizers": "tokenizers"}      # theirs -> ours, of the same version


def python_of(name: str, say: Callable[[str], None], home: Path = HOME) -> Path:
    """Return the Python of a peer's environment, installing it unless that was done already.

    What was installed is written last: an environment whose making was interrupted is made anew.
    """
    folder, wanted = (home / name).absolute(), requirements(name)
    done = folder / "installed.txt"
    python = folder / "bin" / "python"
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        say(f"installing {name} into {folder}")
        rmtree(folder, ignore_errors=True)
        _run(name, sys.executable, "-m", "venv", str(folder))
        _run(name, str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted.split())
        done.write_text(wanted, encoding="utf-8")
    return python


def requirements(name: str) -> str:
    """Return the tool's pinned version, and the versions of the runtime and the tokenizer that we have too."""
    own = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    return own + "".join(f"{theirs}=={version(ours)}\n" for theirs, ours in RUNTIME.items())


def _run(name: str, *command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no word"])[-1]
        raise HyperMatchError(f"{name} cannot be installed: {last[:300]}", f"leave {name} out of --against")
