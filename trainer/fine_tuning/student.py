"""What learns: an encoder whose upper layers are trained, and a linear head on its vectors."""

import copy
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.errors import EncoderError
from trainer.fine_tuning.recipe import FineTuningRecipe


class Student(nn.Module):
    """Features in, vectors (B, d) of length 1 and logits (B, C) out."""

    def __init__(self, encoder: nn.Module, linear: np.ndarray) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(linear.shape[1] - 1, linear.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(linear[:, :-1].copy()))
            self.head.bias.copy_(torch.from_numpy(linear[:, -1].copy()))

    def forward(self, *features: Tensor) -> tuple[Tensor, Tensor]:
        vectors = self.encoder(*features)
        return vectors, self.head(vectors)


def student_of(encoder: nn.Module, linear: np.ndarray, recipe: FineTuningRecipe) -> Student:
    """Return a student that begins with the head `linear` and trains the layers above `frozen_layers`."""
    layers = layers_of(encoder)
    if recipe.frozen_layers >= len(layers):
        raise EncoderError(f"the encoder has {len(layers)} layers, and {recipe.frozen_layers} are to stay frozen",
                           "lower fine_tuning.frozen_layers in the recipe")
    encoder.requires_grad_(False)
    layers[recipe.frozen_layers :].requires_grad_(True)
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = recipe.dropout
        switch: Any = getattr(module, "set_attn_implementation", None)
        if switch is not None:
            with suppress(ValueError):                # of the few that know no other
                switch("sdpa")                        # nearly twice as quick on a CPU as what the export needs
    return Student(encoder, linear)


def layers_of(encoder: nn.Module) -> nn.ModuleList:
    """Return the transformer's stack of layers, lowest first: its longest list of modules."""
    lists = [module for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise EncoderError("the encoder has no stack of layers that could be tuned",
                           'use a transformer, or fine_tuning.use = "never"')
    return max(lists, key=len)


def teacher_of(student: Student) -> Student:
    """Return a copy that follows the student and is never trained."""
    return copy.deepcopy(student).requires_grad_(False).eval()


@torch.no_grad()
def follow(teacher: Student, student: Student, decay: float) -> None:
    """Move the teacher's weights a step towards the student's."""
    for averaged, (_, new) in zip(trained(teacher, student).values(), _trainable(student), strict=True):
        averaged.lerp_(new, 1 - decay)


def trained(module: nn.Module, student: nn.Module) -> Mapping[str, Tensor]:
    """Return those weights of `module` that are trained in `student`, by name."""
    own = dict(module.named_parameters())
    return {name: own[name] for name, _ in _trainable(student)}


def _trainable(student: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, each) for name, each in student.named_parameters() if each.requires_grad]
