"""The loss of a whole batch: human labels, pseudo-labels, and texts of one class that attract each other."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.fine_tuning.recipe import FineTuningRecipe
from trainer.learning.consistency import Alignment, SoftThreshold

LEAST = 1e-6


@dataclass(frozen=True)
class Batch:
    """Targets (B, C) and weights (B,) of a batch, its `n_labeled` labeled rows first; whose target is human, (B,)."""

    targets: Tensor
    weights: Tensor
    n_labeled: int
    is_human: Tensor


@dataclass(frozen=True)
class StepLosses:
    """What a step minimizes, its parts, and how much a text behind the labeled rows counted."""

    total: Tensor
    supervised: Tensor
    consistency: Tensor
    mask_rate: Tensor


class Doubt(nn.Module):
    """Reconsiders pseudo-labels as the teacher learns: its aligned guesses are mixed in, unsure ones weigh less."""

    def __init__(self, prior: Tensor, recipe: FineTuningRecipe) -> None:
        super().__init__()
        self.share = recipe.teacher_share
        self.alignment = Alignment(prior, recipe.ema_decay)
        self.threshold = SoftThreshold(len(prior), recipe.ema_decay)

    @torch.no_grad()
    def forward(self, batch: Batch, teacher_logits: Tensor | None) -> Batch:
        """Return the batch with all behind its labeled rows reconsidered, but for targets that are human."""
        targets, is_human = batch.targets[batch.n_labeled :], batch.is_human[batch.n_labeled :, None]
        if teacher_logits is not None:
            guesses = self.alignment(teacher_logits.softmax(dim=-1))
            mixed = targets.clamp(min=LEAST) ** (1 - self.share) * guesses.clamp(min=LEAST) ** self.share
            targets = torch.where(is_human, targets, F.normalize(mixed, p=1, dim=-1))
        weights = batch.weights[batch.n_labeled :] * self.threshold(targets.max(dim=-1).values)
        return replace(batch, targets=torch.cat([batch.targets[: batch.n_labeled], targets]),
                       weights=torch.cat([batch.weights[: batch.n_labeled], weights]))


def step_losses(vectors: Tensor, logits: Tensor, batch: Batch, recipe: FineTuningRecipe) -> StepLosses:
    """Fit the labels, agree on strong views with what weak ones are held to be, and gather what belongs together."""
    per_text = F.cross_entropy(logits, batch.targets, reduction="none")                          # (B,)
    supervised = per_text[: batch.n_labeled].mean()
    weights = batch.weights[batch.n_labeled :]
    consistency = (weights * per_text[batch.n_labeled :]).sum() / weights.sum().clamp(min=LEAST)
    total = supervised + recipe.unlabeled_weight * consistency
    if recipe.contrast_weight:
        total = total + recipe.contrast_weight * contrast(vectors, batch, recipe.contrast_temperature)
    return StepLosses(total, supervised.detach(), consistency.detach(), weights.mean())


def contrast(vectors: Tensor, batch: Batch, temperature: float) -> Tensor:
    """Supervised contrast (arXiv 2004.11362) with soft labels: a pair counts by how likely both are of one class."""
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    likelihood = (vectors @ vectors.T / temperature).masked_fill(itself, float("-inf")).log_softmax(dim=-1)
    pairs = (batch.targets @ batch.targets.T) * batch.weights[:, None] * batch.weights
    pairs = pairs.masked_fill(itself, 0)
    return -(pairs * likelihood.masked_fill(itself, 0)).sum() / pairs.sum().clamp(min=LEAST)
