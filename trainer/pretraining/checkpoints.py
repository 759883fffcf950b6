"""Unfinished pretraining on disk: what a killed command takes up again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from trainer.encoders.bodies import cached
from trainer.files import write_whole

STATE = "state.safetensors"


class Checkpoints:
    """One folder per pretraining, named by all that decides its outcome; each file appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return what an earlier run left under `name`, or make and keep it."""
        return cached(self.folder / name, make)

    def save(self, step: int, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Keep the state after `step` steps in place of the one before."""
        state = {f"module.{name}": value.contiguous() for name, value in module.state_dict().items()}
        for number, moments in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{name}": value.contiguous() for name, value in moments.items()}
        write_whole(self.folder / STATE, save(state, {"step": str(step)}))

    def resume(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> int:
        """Bring both to the state that was kept; return how many steps that was after, 0 if there is none."""
        found = _read(self.folder / STATE)
        if found is None:
            return 0
        step, state = found
        module.load_state_dict(_below(state, "module."))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below(state, "optimizer.").items():
            number, kind = name.split(".", 1)
            moments.setdefault(int(number), {})[kind] = value
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
        return step

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _read(path: Path) -> tuple[int, dict[str, Tensor]] | None:
    """Return step and tensors; None for a file that is not there or torn, whose work is done again."""
    try:
        with safe_open(path, framework="pt") as file:
            return int(file.metadata()["step"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError):
        return None
