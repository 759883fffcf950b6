"""Measures a prompt on a task's human train labels: accuracy, and how far order and label words move it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from trainer.intervals import Interval, wilson
from trainer.language_model.answers import side_by_side
from trainer.language_model.backend import BudgetSpent
from trainer.language_model.examples import Examples
from trainer.language_model.labeling import N_FOLDS, Labeler, Report, silent
from trainer.language_model.prompts.spec import PromptError, PromptSpec
from trainer.learning.folds import deal

CONFIDENCE = 0.95
MIN_LABELS = 2


@dataclass(frozen=True)
class Sensitivity:
    """How far something that should not matter does: the range of accuracies, and the share of answers that change."""

    accuracies: tuple[float, ...]
    flips: float

    @property
    def spread(self) -> float:
        return max(self.accuracies) - min(self.accuracies)


@dataclass(frozen=True)
class Quality:
    """What was measured; `words` is None where a task's labels can be said in one way only."""

    n_labels: int
    n_unanswered: int
    accuracy: Interval
    order: Sensitivity
    words: Sensitivity | None

    def details(self) -> dict[str, Any]:
        """Return what the library keeps beside the accuracy."""
        kept = {"n_unanswered": self.n_unanswered, "order": asdict(self.order) | {"spread": self.order.spread}}
        return kept | {"words": asdict(self.words) | {"spread": self.words.spread} if self.words else None}


def measure(labeler: Labeler, spec: PromptSpec, human: Examples, report: Report = silent) -> Quality:
    """Label each human text with examples of the other folds only, in `n_orders` orders and with other label words.

    Raises BudgetSpent if the budget does not last: half a measurement would look like a bad prompt.
    """
    check_measurable(spec, human)
    orders = [_answers(labeler, spec, human, order, report) for order in range(labeler.recipe.n_orders)]
    mean = np.mean(orders, axis=0)
    is_right = _is_right(mean, human)
    said = [orders[0], *(_answers(labeler, replace(spec, verbalizers=words), human, 0, report)
                         for words in other_words(spec, labeler.labels))]
    return Quality(n_labels=len(human), n_unanswered=int((~mean.any(axis=1)).sum()),
                   accuracy=wilson(int(is_right.sum()), len(human), CONFIDENCE), order=_sensitivity(orders, human),
                   words=_sensitivity(said, human) if len(said) > 1 else None)


def check_measurable(spec: PromptSpec, human: Examples) -> None:
    if spec.use != "label":
        raise PromptError(f"prompt {spec.name!r} is of use {spec.use!r}; only `label` prompts have an accuracy",
                          "what it writes is judged by what a model learns from it: `hypermatch bench learning`")
    if len(human) < MIN_LABELS:
        raise PromptError(f"there are {len(human)} human train labels, at least {MIN_LABELS} are needed",
                          "import some: `hypermatch labels import FILE --task TASK --part train`")


def other_words(spec: PromptSpec, labels: Sequence[str]) -> list[dict[str, str]]:
    """Return other ways to say the labels: their raw names, and quoted; none that says the same."""
    own = {label: spec.word_of(label) for label in labels}
    ways = [{label: label for label in labels}, {label: f'"{word}"' for label, word in own.items()}]
    return [way for way in ways if way != own]


def _answers(labeler: Labeler, spec: PromptSpec, human: Examples, order: int, report: Report) -> np.ndarray:
    """Return (n, C) of one order, cross-wise."""
    folds = deal(human.classes, min(N_FOLDS, len(human)), labeler.seed)
    calls: list[Callable[[], np.ndarray]] = []
    for text, fold in zip(human.texts, folds, strict=True):
        calls.append(partial(labeler.answer, spec, text, human.take(np.flatnonzero(folds != fold)), order))
    found = side_by_side(calls, labeler.backend, report)
    if any(each is None for each in found):
        raise BudgetSpent(f"the budget was spent before prompt {spec.name!r} was measured",
                          "ask for fewer labels (--limit) or raise HYPERMATCH_TRAINER_LM_MAX_CALLS")
    return np.array(found)


def _sensitivity(answers: Sequence[np.ndarray], human: Examples) -> Sensitivity:
    guesses = np.array([each.argmax(axis=1) for each in answers])
    return Sensitivity(tuple(float(_is_right(each, human).mean()) for each in answers),
                       float((guesses != guesses[0]).any(axis=0).mean()))


def _is_right(answers: np.ndarray, human: Examples) -> np.ndarray:
    return answers.any(axis=1) & (answers.argmax(axis=1) == human.classes)
