"""Where fine-tuning runs: a GPU in half precision where there is one, else the CPU in full."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Device:
    """A place to train, and the precision that it multiplies in."""

    name: str                                         # "cpu", "cuda:0"
    precision: torch.dtype = torch.float32

    @property
    def is_gpu(self) -> bool:
        return self.name.startswith("cuda")

    @property
    def needs_scaling(self) -> bool:
        """Say whether small gradients would vanish: fp16 has no room for them, bf16 has."""
        return self.precision is torch.float16

    def autocast(self) -> AbstractContextManager[object]:
        """Multiply in the device's precision within; weights stay float32."""
        return torch.autocast("cuda", self.precision) if self.is_gpu else nullcontext()


def device_at_hand(local_rank: int = 0) -> Device:
    """Return this process's GPU, or the CPU."""
    if not torch.cuda.is_available():
        return Device("cpu")
    return Device(f"cuda:{local_rank}", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)


def n_gpus() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def described() -> str:
    """Return what trains on this machine, as a person would name it."""
    n = n_gpus()
    return f"{n} x {torch.cuda.get_device_name(0)}" if n else "cpu"
