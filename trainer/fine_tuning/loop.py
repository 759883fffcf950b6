"""The training loop, read top to bottom."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trainer.fine_tuning.batches import Plan
from trainer.fine_tuning.checkpoints import State, keep, resume
from trainer.fine_tuning.devices import Device
from trainer.fine_tuning.losses import Batch, Doubt, step_losses
from trainer.fine_tuning.peers import Peers
from trainer.fine_tuning.recipe import FineTuningRecipe
from trainer.fine_tuning.student import Student, follow, student_of, teacher_of, trained
from trainer.fine_tuning.views import strong_view

LEAST_RATE = 0.02                                     # of the learning rate, at the last steps

Featurize = Callable[[list[str]], dict[str, np.ndarray]]


def train(encoder: nn.Module, featurize: Featurize, plan: Plan, device: Device, peers: Peers, folder: Path,
          report: Callable[[float], None]) -> dict[str, Tensor]:
    """Tune `encoder` and return the averaged weights of the student's trained layers and head, by name.

    Goes on from the checkpoint in `folder` if there is one. What comes out depends on the
    batches alone: neither on the number of processes nor on interruptions, but for
    rounding, and but for dropout, which each process draws for itself.
    """
    lessons, recipe = plan.lessons, plan.recipe
    student = student_of(encoder, lessons.linear, recipe).to(device.name)
    teacher = teacher_of(student)
    doubt = Doubt(torch.from_numpy(lessons.prior), recipe).to(device.name)
    state = State(student, teacher, doubt, _optimizer(student, recipe),
                  torch.amp.GradScaler(enabled=device.needs_scaling))
    first = resume(folder, state)
    joined = peers.joined(student, device).train()
    targets, weights = (torch.from_numpy(each).to(device.name) for each in (lessons.targets, lessons.weights))

    for step, rows in enumerate(plan.batches(first), start=first):
        report(step / plan.n_steps)
        if step % recipe.checkpoint_steps == 0 and step > first and peers.rank == 0:
            keep(folder, state, step)
        torch.manual_seed(plan.seed + step * peers.size + peers.rank)                     # dropout
        own = peers.own(np.arange(len(rows)))
        texts = [lessons.texts[row] for row in rows]
        edits = np.random.default_rng([plan.seed, 2, step])
        strong = [strong_view(text, recipe.edited_share, edits) for text in texts]
        is_human = torch.from_numpy(rows < lessons.n_labeled).to(device.name)
        batch = Batch(targets[rows], weights[rows], recipe.labeled_rows, is_human)

        guesses = None
        with device.autocast():
            vectors, logits = joined(*_inputs(featurize, [strong[row] for row in own], device))
            if recipe.teacher_share:
                with torch.no_grad():
                    _, guesses = teacher(*_inputs(featurize, [texts[row] for row in own], device))
        vectors, logits = peers.gathered(vectors.float()), peers.gathered(logits.float())           # (B, d), (B, C)
        if guesses is not None:
            guesses = peers.gathered(guesses.float())[recipe.labeled_rows :]
        losses = step_losses(vectors, logits, doubt(batch, guesses), recipe)

        for group, rate in zip(state.optimizer.param_groups, (recipe.learning_rate, recipe.head_learning_rate),
                               strict=True):
            group["lr"] = rate * _share_of_rate(step, plan)
        state.optimizer.zero_grad()
        state.scaler.scale(losses.total * peers.size).backward()             # the joined module averages gradients
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(joined.parameters(), recipe.max_gradient)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        follow(teacher, student, min(recipe.ema_decay, (1 + step) / (10 + step)))
    report(1.0)
    return {name: each.detach().cpu().contiguous() for name, each in trained(teacher, student).items()}


def _optimizer(student: Student, recipe: FineTuningRecipe) -> torch.optim.Optimizer:
    body = [each for each in student.encoder.parameters() if each.requires_grad]
    return torch.optim.AdamW([{"params": body, "weight_decay": recipe.weight_decay},
                              {"params": list(student.head.parameters()), "weight_decay": 0.0}])


def _share_of_rate(step: int, plan: Plan) -> float:
    """Rise over the warm-up, then fall in a straight line."""
    warmup = max(round(plan.recipe.warmup_share * plan.n_steps), 1)
    if step < warmup:
        return (step + 1) / warmup
    return max((plan.n_steps - step) / max(plan.n_steps - warmup, 1), LEAST_RATE)


def _inputs(featurize: Featurize, texts: list[str], device: Device) -> list[Tensor]:
    return [torch.from_numpy(each).to(device.name, non_blocking=True) for each in featurize(texts).values()]
