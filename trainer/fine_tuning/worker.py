"""Works on a job, alone or as one of the processes that torchrun starts."""

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save

from registry.errors import HyperMatchError
from trainer.encoders.kinds import open_encoder
from trainer.errors import Interrupted, TrainerError
from trainer.files import write_whole
from trainer.fine_tuning.batches import Plan
from trainer.fine_tuning.devices import Device, device_at_hand
from trainer.fine_tuning.job import finish, read
from trainer.fine_tuning.loop import train
from trainer.fine_tuning.peers import Peers, peers_of_torchrun
from trainer.fine_tuning.tuned import with_weights

PROGRESS, FAILURE = "progress.json", "failure.json"
TELL_SECONDS = 0.5


def work(folder: Path, device: Device, peers: Peers, report: Callable[[float], None]) -> None:
    """Train from the job's last checkpoint, or from its start, to its result; `report` may raise to interrupt."""
    job = read(folder)
    encoder = open_encoder(job.recipe, (), folder)
    module = encoder.build() if job.start is None else with_weights(encoder.build(), job.start)
    recipe = job.recipe.fine_tuning
    plan = Plan(job.lessons, recipe, job.seed)
    try:
        weights = train(module, encoder.featurize, plan, device.multiplying(recipe.precision), peers, folder, report)
    except torch.OutOfMemoryError as error:
        raise TrainerError(f"the GPU's memory is too small for batches of {plan.recipe.batch_rows} texts",
                           "lower fine_tuning.batch_rows or max_tokens in the recipe") from error
    if peers.rank == 0:
        finish(folder, save(weights))


def main(folder: Path, trainer: int) -> int:
    """Work as torchrun's process, as long as the process `trainer` lives; progress and failures are told by files."""
    device = device_at_hand(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        with peers_of_torchrun(device) as peers:
            work(folder, device, peers, _teller(folder, trainer) if peers.rank == 0 else lambda _done: None)
    except HyperMatchError as error:
        write_whole(folder / FAILURE, json.dumps({"why": str(error)}).encode())
        return 2
    return 0


def _teller(folder: Path, trainer: int) -> Callable[[float], None]:
    told_at = -math.inf

    def tell(done: float) -> None:
        nonlocal told_at
        if done < 1 and time.monotonic() - told_at < TELL_SECONDS:
            return
        told_at = time.monotonic()
        write_whole(folder / PROGRESS, json.dumps({"done": done}).encode())
        try:
            os.kill(trainer, 0)
        except ProcessLookupError:
            raise Interrupted("the trainer that wanted this is gone") from None

    return tell


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
