"""What a task has before a language model is asked, and what it is asked with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from registry.text import normalize
from trainer.language_model.backend import Backend
from trainer.language_model.budget import Meter
from trainer.language_model.examples import Examples
from trainer.language_model.hypermix import Written
from trainer.language_model.prompts.library import Prompts


@dataclass(frozen=True)
class LanguageModel:
    """A backend, what it is asked with, and the meter that it counts on."""

    backend: Backend
    prompts: Prompts
    meter: Meter


@dataclass(frozen=True)
class Student:
    """A model learned from the human labels alone; `human_probs` (n, C) are cross-fitted."""

    probs: Callable[[Sequence[str]], np.ndarray]
    human_probs: np.ndarray


@dataclass(frozen=True)
class AtHand:
    """Labels, human labels and traffic; gate texts are there only to be stayed away from."""

    labels: list[str]
    human: Examples
    traffic: Sequence[str] = ()
    gate_texts: Sequence[str] = ()
    imported: Sequence[Written] = ()
    student: Student | None = None

    def sample(self, n: int, seed: int) -> list[str]:
        """Draw up to `n` different texts of the traffic that no human labeled, at random."""
        known = {normalize(text) for text in (*self.human.texts, *self.gate_texts)}
        others = [text for text in dict.fromkeys(map(normalize, self.traffic)) if text and text not in known]
        drawn = np.random.default_rng(seed).permutation(len(others))[:n]
        return [others[row] for row in np.sort(drawn)]
