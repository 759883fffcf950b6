"""Where fine-tuning runs, on a GPU where there is one, and how precisely it multiplies."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch

from trainer.fine_tuning.recipe import Precision


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

    def multiplying(self, precision: Precision) -> "Device":
        """Return the same device with the precision that a recipe asks for."""
        if precision == "fp32":
            return replace(self, precision=torch.float32)
        if torch.cuda.is_bf16_supported() if self.is_gpu else _has_bf16():
            return replace(self, precision=torch.bfloat16)
        return replace(self, precision=torch.float16 if self.is_gpu else torch.float32)

    def autocast(self) -> AbstractContextManager[object]:
        """Multiply in the device's precision within; weights stay float32."""
        if self.precision is torch.float32:
            return nullcontext()
        return torch.autocast("cuda" if self.is_gpu else "cpu", self.precision)


def device_at_hand(local_rank: int = 0) -> Device:
    """Return this process's GPU, or the CPU."""
    return Device(f"cuda:{local_rank}" if torch.cuda.is_available() else "cpu")


def n_gpus() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def described() -> str:
    """Return what trains on this machine, as a person would name it."""
    n = n_gpus()
    return f"{n} x {torch.cuda.get_device_name(0)}" if n else "cpu"


def _has_bf16() -> bool:
    """Say whether this CPU has instructions for bf16; without them it would be slower at it than at fp32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
