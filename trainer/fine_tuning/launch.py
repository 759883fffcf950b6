"""Gets a job done: here where one process is enough, else by torchrun; with progress, and interruptible."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from trainer.encoders.encoder import Encoder
from trainer.errors import TrainerError
from trainer.fine_tuning.devices import device_at_hand, n_gpus
from trainer.fine_tuning.job import RESULT, Job, begin, clear, folder_of, n_processes
from trainer.fine_tuning.peers import Peers
from trainer.fine_tuning.worker import FAILURE, PROGRESS, work

POLL_SECONDS = 0.5
STOP_SECONDS = 20.0                                   # that the processes get to end by themselves
ROOT = Path(__file__).resolve().parents[2]

Report = Callable[[float], None]


def done(cache: Path, encoder: Encoder, job: Job, report: Report) -> Path:
    """Return the file of the tuned weights, made now unless an equal job was done before.

    An interrupted job goes on from its last checkpoint when it is asked for again.
    """
    folder = folder_of(cache, encoder, job)
    if not (folder / RESULT).exists():
        begin(folder, job)
        try:
            _work(folder, n_processes(job.recipe.fine_tuning, n_gpus()), report)
        finally:
            clear(folder)
    return folder / RESULT


def _work(folder: Path, processes: int, report: Report) -> None:
    if processes == 1:
        work(folder, device_at_hand(), Peers(), report)
    else:
        _by_torchrun(folder, processes, report)


def _by_torchrun(folder: Path, n: int, report: Report) -> None:
    """Start `n` processes on this machine and wait; none is left when this returns or raises."""
    for name in (PROGRESS, FAILURE):
        (folder / name).unlink(missing_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(n), "--rdzv-backend", "c10d",
               "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1", "-m", "trainer.fine_tuning.worker",
               str(folder), str(os.getpid())]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"PYTHONPATH": path})
        try:
            while process.poll() is None:
                report(_progress(folder))
                time.sleep(POLL_SECONDS)
        finally:
            _end(process)
    if process.returncode != 0:
        raise TrainerError(f"fine-tuning in {n} processes failed: {_why(folder)}",
                           "try fine_tuning.n_processes = 1 in the recipe")
    report(_progress(folder))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop torchrun, which stops what it started."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _progress(folder: Path) -> float:
    file = folder / PROGRESS
    return float(json.loads(file.read_text())["done"]) if file.exists() else 0.0


def _why(folder: Path) -> str:
    """Return what a process said of itself, else the error that its output shows."""
    if (folder / FAILURE).exists():
        return str(json.loads((folder / FAILURE).read_text())["why"])
    lines = (folder / "output.txt").read_text(errors="replace").splitlines()
    errors = [line.strip() for line in lines if "Error" in line and "ChildFailedError" not in line]
    return errors[0][:300] if errors else "nothing was said why"
