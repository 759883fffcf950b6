"""Consistency training on cached vectors: the student's answer to a strong view follows the teacher's to a weak one."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.learning.embedded import Labeled
from trainer.learning.head import one_thread

Method = Literal["pi-model", "fixmatch", "softmatch"]


@dataclass(frozen=True)
class ConsistencyRecipe:
    """FixMatch (arXiv 2001.07685), SoftMatch (2301.10921) and the Pi-model (1610.02242) on vectors."""

    method: Method = "softmatch"
    n_steps: int = 600
    labeled_rows: int = 64
    unlabeled_ratio: int = 7
    unlabeled_weight: float = 1.0
    learning_rate: float = 0.01
    weight_decay: float = 1e-4
    ema_decay: float = 0.99
    fixed_threshold: float = 0.95
    weak_noise: float = 0.3                           # length of the noise; a vector has length 1
    strong_noise: float = 0.9
    scale: float = 16.0                               # of the unit vectors, so that logits can be sure


class FixedThreshold(nn.Module):
    """Count a pseudo-label fully once its confidence reaches the threshold (FixMatch)."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, confidence: Tensor) -> Tensor:
        return (confidence >= self.threshold).float()


class SoftThreshold(nn.Module):
    """Weigh a pseudo-label by how far its confidence falls below the running mean (SoftMatch)."""

    mean: Tensor
    variance: Tensor

    def __init__(self, n_classes: int, momentum: float = 0.99, n_sigma: float = 2.0) -> None:
        super().__init__()
        self.momentum, self.n_sigma = momentum, n_sigma
        self.register_buffer("mean", torch.tensor(1.0 / n_classes))
        self.register_buffer("variance", torch.tensor(1.0))

    @torch.no_grad()
    def forward(self, confidence: Tensor) -> Tensor:
        self.mean.lerp_(confidence.mean(), 1 - self.momentum)
        self.variance.lerp_(confidence.var(), 1 - self.momentum)
        shortfall = (self.mean - confidence).clamp(min=0)
        return torch.exp(-shortfall.square() * self.n_sigma**2 / (2 * self.variance))


class Alignment(nn.Module):
    """Pull guesses to class shares (C,) by their running mean (distribution alignment, arXiv 1911.09785)."""

    mean: Tensor
    prior: Tensor

    def __init__(self, prior: Tensor, momentum: float = 0.99) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("prior", prior)
        self.register_buffer("mean", prior.clone())

    @torch.no_grad()
    def forward(self, probs: Tensor) -> Tensor:
        self.mean.lerp_(probs.mean(dim=0), 1 - self.momentum)
        return F.normalize(probs * (self.prior / self.mean), p=1, dim=-1)


def learn_consistent(labeled: Labeled, unlabeled: np.ndarray, recipe: ConsistencyRecipe, seed: int,
                     strong_views: np.ndarray | None = None, prior: np.ndarray | None = None) -> np.ndarray:
    """Return weight and bias side by side, (C, d + 1), of the averaged student; the same seed gives the same.

    `prior` (C,) are the bank's class shares, equal ones unless given. `strong_views` (n, k, d)
    are edits of the unlabeled texts, a text standing for itself where it has none; without
    them a strong view is a noisier vector.
    """
    generator = torch.Generator().manual_seed(seed)
    vectors, classes = torch.from_numpy(labeled.vectors), torch.from_numpy(labeled.classes)
    traffic = torch.from_numpy(np.ascontiguousarray(unlabeled))
    edits = None if strong_views is None else torch.from_numpy(np.ascontiguousarray(strong_views))
    student, teacher = (_head(vectors.shape[1], labeled.n_classes) for _ in range(2))
    threshold = _threshold(recipe, labeled.n_classes)
    shares = np.full(labeled.n_classes, 1 / labeled.n_classes) if prior is None else prior
    aligns = recipe.method == "softmatch"
    alignment = Alignment(torch.from_numpy(shares.astype(np.float32))) if aligns else nn.Identity()
    optimizer = torch.optim.AdamW(student.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.n_steps)
    with one_thread():
        for _ in range(recipe.n_steps):
            rows = torch.randint(len(vectors), (recipe.labeled_rows,), generator=generator)
            others = torch.randint(len(traffic), (recipe.labeled_rows * recipe.unlabeled_ratio,), generator=generator)
            known = _noisy(vectors[rows], recipe.weak_noise, recipe.scale, generator)
            weak = _noisy(traffic[others], recipe.weak_noise, recipe.scale, generator)
            strong = _strong(traffic, edits, others, recipe, generator)

            supervised = F.cross_entropy(student(known), classes[rows])
            with torch.no_grad():
                probs = alignment(student(weak).softmax(dim=-1))                 # (mu*B, C)
            confidence, pseudo_labels = probs.max(dim=-1)                        # (mu*B,) each
            if recipe.method == "pi-model":
                consistency = (student(strong).softmax(dim=-1) - probs).square().sum(dim=-1).mean()
            else:
                per_text = F.cross_entropy(student(strong), pseudo_labels, reduction="none")
                consistency = (threshold(confidence) * per_text).mean()

            optimizer.zero_grad()
            (supervised + recipe.unlabeled_weight * consistency).backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for averaged, new in zip(teacher.parameters(), student.parameters(), strict=True):
                    averaged.lerp_(new, 1 - recipe.ema_decay)
    weight, bias = (each.detach().numpy() for each in teacher.parameters())
    return np.concatenate([weight * recipe.scale, bias[:, None]], axis=1)


def _head(n_dimensions: int, n_classes: int) -> nn.Linear:
    head = nn.Linear(n_dimensions, n_classes)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    return head


def _threshold(recipe: ConsistencyRecipe, n_classes: int) -> nn.Module:
    return SoftThreshold(n_classes) if recipe.method == "softmatch" else FixedThreshold(recipe.fixed_threshold)


def _strong(traffic: Tensor, edits: Tensor | None, rows: Tensor, recipe: ConsistencyRecipe,
            generator: torch.Generator) -> Tensor:
    """Return strong views of the traffic at `rows`: one of its edits each, or far noise where none were made."""
    if edits is None:
        return _noisy(traffic[rows], recipe.strong_noise, recipe.scale, generator)
    drawn = torch.randint(edits.shape[1], (len(rows),), generator=generator)
    return _noisy(edits[rows, drawn], recipe.weak_noise, recipe.scale, generator)


def _noisy(vectors: Tensor, noise: float, scale: float, generator: torch.Generator) -> Tensor:
    """Return unit vectors near `vectors`, times `scale`: what an edit does to a text, an angle does to its vector."""
    drawn = torch.randn(vectors.shape, generator=generator) * (noise / vectors.shape[1] ** 0.5)
    return scale * F.normalize(vectors + drawn, dim=-1)
