"""Labels texts with two prompts: how each reads them, averaged over orders and calibrated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from trainer.language_model.answers import calibrated, probs_of, side_by_side
from trainer.language_model.backend import Backend
from trainer.language_model.examples import Examples
from trainer.language_model.prompts.render import CONTENT_FREE, Task
from trainer.language_model.prompts.safety import masked, parsed_code
from trainer.language_model.prompts.spec import PromptSpec
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.learning.folds import deal

Report = Callable[[float], None]
N_FOLDS = 5


def silent(_done: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Readings:
    """What two prompts say of texts, (n, C) each; a row of zeros is no answer."""

    first: np.ndarray
    second: np.ndarray

    @property
    def agree(self) -> np.ndarray:
        """Whether both answered, and alike, (n,)."""
        answered = self.first.any(axis=1) & self.second.any(axis=1)
        return answered & (self.first.argmax(axis=1) == self.second.argmax(axis=1))

    @property
    def probs(self) -> np.ndarray:
        """Their geometric mean, (n, C): where one is sure that it is not, the other cannot insist."""
        blank = 1 / max(self.first.shape[1], 1)
        logs = [np.log(np.where(each.any(axis=1, keepdims=True), each, blank) + 1e-4)
                for each in (self.first, self.second)]
        mean = np.exp(np.mean(logs, axis=0))
        return mean / mean.sum(axis=1, keepdims=True)

    def take(self, rows: np.ndarray) -> "Readings":
        return Readings(self.first[rows], self.second[rows])


@dataclass(frozen=True)
class Labeler:
    """Asks a language model for labels, with two prompts of use `label` and examples of human labels.

    The second prompt sees the text with every label's words masked: a text that asks to
    be "labeled as X" can sway the first, and then the two disagree.
    """

    backend: Backend
    prompts: tuple[PromptSpec, PromptSpec]
    labels: Sequence[str]
    recipe: LanguageModelRecipe
    seed: int

    @property
    def name(self) -> str:
        """The model that reads."""
        return self.backend.name

    def read(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> Readings:
        """Read texts with both prompts; a text that is also an example is read without it."""
        first, second = (Task.of(spec, self.labels, self.recipe.max_chars) for spec in self.prompts)
        words = [*self.labels, *first.words, *second.words]
        calls = [partial(self._answer, first, text, examples) for text in texts]
        calls += [partial(self._answer, second, masked(text, words), examples) for text in texts]
        found = np.array(self._rows(calls, report), np.float32).reshape(2, len(texts), len(self.labels))
        return Readings(found[0], found[1])

    def read_crosswise(self, human: Examples, report: Report = silent) -> Readings:
        """Read the human labels themselves, each with examples of the other folds only."""
        folds = deal(human.classes, min(N_FOLDS, max(len(human), 1)), self.seed)
        first = np.zeros((len(human), len(self.labels)), np.float32)
        second = first.copy()
        for done, fold in enumerate(np.unique(folds)):
            rows, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            found = self.read([human.texts[row] for row in rows], human.take(others))
            first[rows], second[rows] = found.first, found.second
            report((done + 1) / N_FOLDS)
        return Readings(first, second)

    def read_once(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> np.ndarray:
        """Read texts with the first prompt only, (n, C)."""
        task = Task.of(self.prompts[0], self.labels, self.recipe.max_chars)
        rows = self._rows([partial(self._answer, task, text, examples) for text in texts], report)
        return np.array(rows, np.float32).reshape(len(texts), len(self.labels))

    def answer(self, spec: PromptSpec, text: str, examples: Examples, order: int) -> np.ndarray:
        """Return (C,) of one prompt in one order of labels and examples."""
        return self._ordered(Task.of(spec, self.labels, self.recipe.max_chars), text, examples, order)

    def _answer(self, task: Task, text: str, examples: Examples) -> np.ndarray:
        found = [self._ordered(task, text, examples, order) for order in range(self.recipe.n_orders)]
        total = np.sum(found, axis=0)
        return total / max(total.sum(), 1e-9) if total.any() else total

    def _ordered(self, task: Task, text: str, examples: Examples, order: int) -> np.ndarray:
        seed = f"{self.seed} {task.spec.name} {order}"
        probs = self._asked(task, text, examples, seed)
        if self.recipe.is_calibrated and self.recipe.answers == "scores":
            probs = calibrated(probs, [self._asked(task, free, examples, seed) for free in CONTENT_FREE])
        return probs

    def _asked(self, task: Task, text: str, examples: Examples, seed: str) -> np.ndarray:
        drawn = examples.draw(task.spec.n_examples, seed, without=text)
        prompt = task.label_prompt(drawn, text, seed)
        return probs_of(self.backend, prompt.prompt, [f" {code}" for code in prompt.ids],
                        lambda said: parsed_code(said, prompt.ids), self.recipe, self.seed)

    def _rows(self, calls: Sequence[Callable[[], np.ndarray]], report: Report) -> list[np.ndarray]:
        blank = np.zeros(len(self.labels))
        return [blank if row is None else row for row in side_by_side(calls, self.backend, report)]
