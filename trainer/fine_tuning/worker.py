"""Works on a job, alone or as one of the processes that torchrun starts."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save

from registry.errors import HyperMatchError
from trainer.encoders.kinds import open_encoder
from trainer.files import write_whole
from trainer.fine_tuning.batches import Plan
from trainer.fine_tuning.devices import Device, device_at_hand
from trainer.fine_tuning.job import finish, read
from trainer.fine_tuning.loop import train
from trainer.fine_tuning.peers import Peers, peers_of_torchrun
from trainer.fine_tuning.tuned import with_weights

PROGRESS, FAILURE = "progress.json", "failure.json"


def work(folder: Path, device: Device, peers: Peers, report: Callable[[float], None]) -> None:
    """Train from the job's last checkpoint, or from its start, to its result; `report` may raise to interrupt."""
    job = read(folder)
    encoder = open_encoder(job.recipe, (), folder)
    module = encoder.build() if job.start is None else with_weights(encoder.build(), job.start)
    plan = Plan(job.lessons, job.recipe.fine_tuning, job.seed)
    weights = train(module, encoder.featurize, plan, device, peers, folder, report)
    if peers.rank == 0:
        finish(folder, save(weights))


def main(folder: Path) -> int:
    """Work as torchrun's process; progress and what went wrong are told through files."""
    device = device_at_hand(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        with peers_of_torchrun(device) as peers:
            def report(done: float) -> None:
                if peers.rank == 0:
                    write_whole(folder / PROGRESS, json.dumps({"done": done}).encode())

            work(folder, device, peers, report)
    except HyperMatchError as error:
        write_whole(folder / FAILURE, json.dumps({"why": str(error)}).encode())
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
