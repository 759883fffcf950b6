"""Decides from the checks, and keeps the reasons."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.evaluation import Answers, Evaluation, Latency
from trainer.gate.checks import (
    Check,
    as_quick,
    as_small,
    beats_majority,
    calibrated,
    enough_labels,
    few_negative_flips,
    no_class_lost,
    no_class_weakened,
    not_worse,
)
from trainer.recipe import GateRecipe


@dataclass(frozen=True)
class GateDecision:
    """Whether a candidate may be shown to a person, with every check that led there."""

    passed: bool
    reasons: list[str]
    checks: list[Check]
    against: dict[str, Any] | None = None             # what would change for clients; None without a champion

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Opponent:
    """The champion's answers to the gate texts whose labels it knows too, and the candidate's to the same."""

    name: str
    labels: list[str]                                 # the champion's; the classes of both answers count in them
    champion: Answers
    candidate: Answers
    latency: Latency
    size_bytes: int
    rows: np.ndarray                                  # of the gate texts that were asked
    ask: Callable[[list[str]], np.ndarray]            # texts to the champion's probabilities (n, C)


def decide(task: str, answers: Answers, evaluation: Evaluation | None, labels: list[str], opponent: Opponent | None,
           recipe: GateRecipe, seed: int) -> GateDecision:
    """Judge a candidate; touches nothing. Without gate labels there is no evaluation and no way through."""
    first = enough_labels(len(answers.classes), task, recipe)
    if not first.passed or evaluation is None:
        return conclude([first])
    comparisons = ([beats_majority(answers, recipe)] if opponent is None else
                   _against(opponent, evaluation, recipe, seed))
    return conclude([first, *comparisons, calibrated(evaluation, recipe), no_class_lost(answers, labels, recipe)])


def _against(opponent: Opponent, evaluation: Evaluation, recipe: GateRecipe, seed: int) -> list[Check]:
    champion, candidate = opponent.champion, opponent.candidate
    return [
        not_worse(candidate, champion, opponent.name, recipe, seed),
        few_negative_flips(candidate, champion, recipe),
        no_class_weakened(candidate, champion, opponent.labels, recipe, seed),
        as_quick(evaluation.latency.p50_ms, opponent.latency.p50_ms, recipe),
        as_small(evaluation.size_bytes, opponent.size_bytes, recipe),
    ]


def conclude(checks: Sequence[Check]) -> GateDecision:
    """Pass if no check failed; the reasons are those that decided."""
    failed = [check for check in checks if check.passed is False]
    deciding = failed or [check for check in checks if check.passed]
    return GateDecision(not failed, [f"{check.name}: {check.says}" for check in deciding], list(checks))
