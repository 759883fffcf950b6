"""The processes that train one model together: each takes its rows of every batch, and sees the answers to all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.fine_tuning.devices import Device


@dataclass(frozen=True)
class Peers:
    """This process's number among `size`.

    A loss is computed in every process on the whole batch, of which only its own rows
    carry gradients; so statistics of the batch and pairs across processes are what one
    process would see, and the sum of all gradients is the gradient of the whole batch.
    """

    rank: int = 0
    size: int = 1

    def own(self, rows: np.ndarray) -> np.ndarray:
        """Return this process's rows of a batch."""
        return rows[self.rank :: self.size]

    def gathered(self, own: Tensor) -> Tensor:
        """Return the rows of all processes in the order of the batch."""
        if self.size == 1:
            return own
        parts = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(parts, own.detach().contiguous())
        parts[self.rank] = own
        return torch.stack(parts, dim=1).flatten(0, 1)

    def joined(self, module: nn.Module, device: Device) -> nn.Module:
        """Return the module with its gradients averaged over all processes."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, device_ids=[device.name] if device.is_gpu else None)


@contextmanager
def peers_of_torchrun(device: Device) -> Iterator[Peers]:
    """Meet the other processes that torchrun started: over NCCL on GPUs, over Gloo elsewhere."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Peers()
        return
    if device.is_gpu:
        torch.cuda.set_device(device.name)
    distributed.init_process_group("nccl" if device.is_gpu else "gloo")
    try:
        yield Peers(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
