"""What every language model offers: completing a prompt and scoring whole continuations of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trainer.errors import TrainerError


class LanguageModelError(TrainerError):
    """A language model that does not answer, or not as it should."""


class NoScores(LanguageModelError):
    """A model that completes prompts but does not tell the probability of given text."""


class BudgetSpent(LanguageModelError):
    """A call that was refused because the calls, tokens or money of the run are spent."""


class NotRecorded(LanguageModelError):
    """A replay that lacks an answer."""


@dataclass(frozen=True)
class Completion:
    """What the model wrote after a prompt, without the prompt, and what it was billed for."""

    text: str
    n_prompt_tokens: int
    n_completion_tokens: int


class Backend(Protocol):
    """A language model. `name` stands for the weights: two backends of one name answer alike.

    Both calls may come from `concurrency` threads at once, and raise LanguageModelError.
    """

    name: str
    concurrency: int

    def complete(self, prompt: str, *, max_tokens: int, temperature: float, stop: Sequence[str],
                 seed: int) -> Completion:
        """Continue `prompt` until one of the `stop` strings (left out) or `max_tokens`."""
        ...

    def score(self, prompt: str, continuations: Sequence[str]) -> list[float]:
        """Return the natural log-probability of each whole continuation of `prompt`; may raise NoScores."""
        ...
