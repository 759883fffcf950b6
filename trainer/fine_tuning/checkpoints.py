"""All that a training needs to go on, in one safetensors file that appears whole; no pickle."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from trainer.files import write_whole
from trainer.fine_tuning.student import Student, trained

FILE = "checkpoint.safetensors"
STEP, SCALE = "step", "scale"


@dataclass(frozen=True)
class State:
    """What changes while training."""

    student: Student
    teacher: Student
    doubt: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler

    def tensors(self) -> dict[str, Tensor]:
        """Return everything but the optimizer's, by name; the very tensors, to read or to fill."""
        named: dict[str, Tensor] = {}
        for part, weights in (("student", trained(self.student, self.student)),
                              ("teacher", trained(self.teacher, self.student)),
                              ("doubt", dict(self.doubt.named_buffers()))):
            named |= {f"{part}.{name}": each.detach() for name, each in weights.items()}
        return named


def keep(folder: Path, state: State, step: int) -> None:
    """Write what `step` steps have made; what was kept before is there until the new file is whole."""
    tensors = state.tensors()
    for number, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": each for name, each in moments.items()}
    facts = {STEP: str(step), SCALE: str(state.scaler.get_scale())}
    write_whole(folder / FILE, save({name: each.cpu().contiguous() for name, each in tensors.items()}, facts))


def resume(folder: Path, state: State) -> int:
    """Fill `state` from the checkpoint and return the steps that it has made, 0 if there is none that fits."""
    found, facts = _read(folder / FILE)
    own = state.tensors()
    if not own.keys() <= found.keys():
        return 0
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(found[name])
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in found.items():
        if name.startswith("optimizer."):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = value
    state.optimizer.load_state_dict({"state": moments, "param_groups": state.optimizer.state_dict()["param_groups"]})
    if state.scaler.is_enabled():
        state.scaler.load_state_dict(state.scaler.state_dict() | {"scale": float(facts[SCALE])})
    return int(facts[STEP])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.exists():
        return {}, {}
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118  no dictionary
    except SafetensorError:                           # a damaged disk costs time, nothing else
        return {}, {}
