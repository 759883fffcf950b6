"""What a language model adds to a task: texts, soft labels, how far each is believed, and what it cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from trainer.language_model.backend import Backend
from trainer.language_model.budget import Costs, Meter
from trainer.language_model.examples import Examples
from trainer.language_model.filters import Sieve, apart, balanced, first_of_kind, may_overrule, of_length
from trainer.language_model.generation import generate, write_unlabeled
from trainer.language_model.hypermix import Written, mix
from trainer.language_model.labeling import Labeler, Readings, Report, silent
from trainer.language_model.prompts.spec import PromptSpec
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.language_model.trust import Trust, cross_fitted, fit_trust

TRAFFIC = "traffic"


class Reader(Protocol):
    """Says what texts mean: a language model with two prompts, or sentences near label names."""

    def read(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> Readings: ...

    def read_crosswise(self, human: Examples, report: Report = silent) -> Readings: ...

    def read_once(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> np.ndarray: ...


@dataclass(frozen=True)
class Prompts:
    """The prompts of a run, one for each use and two for labeling."""

    label: tuple[PromptSpec, PromptSpec]
    mix: PromptSpec
    generate: PromptSpec
    unlabeled: PromptSpec


@dataclass(frozen=True)
class LanguageModel:
    """A backend, what it is asked with, and the meter that it counts on."""

    backend: Backend
    prompts: Prompts
    meter: Meter


@dataclass(frozen=True)
class Student:
    """A model learned from the labels alone; `human_probs` (n, C) are cross-fitted."""

    probs: Callable[[Sequence[str]], np.ndarray]
    human_probs: np.ndarray


@dataclass(frozen=True)
class AtHand:
    """What a task has before any language model is asked; gate texts are only ever stayed away from."""

    labels: list[str]
    human: Examples
    traffic: Sequence[str] = ()
    gate_texts: Sequence[str] = ()
    imported: Sequence[Written] = ()
    student: Student | None = None


@dataclass(frozen=True)
class LmMaterials:
    """Texts to learn from beside the human labels; `facts` and `costs` go to the run record."""

    texts: list[str]
    soft_labels: np.ndarray                           # (n, C) float32, rows add up to 1
    trust: np.ndarray                                 # (n,) float32 in [0, 1]: probability that the label is right
    provenance: list[dict[str, Any]]                  # n: source, generator, prompt, origin
    unlabeled: list[str]                              # written texts that nobody labeled
    facts: dict[str, Any] = field(default_factory=dict)
    costs: Costs = field(default_factory=Costs)


def lm_materials(model: LanguageModel | None, at_hand: AtHand, recipe: LanguageModelRecipe, seed: int, *,
                 reader: Reader | None = None, report: Report = silent) -> LmMaterials:
    """Write and label as the recipe says and keep what passes the filters.

    Without a model nothing is written; `reader` (such as a SentenceLabeler) then labels
    traffic and imported texts. A budget that runs out ends the asking, not the run: what was answered is kept.
    """
    reader = reader or _labeler(model, at_hand, recipe, seed)
    written = list(at_hand.imported) + (_written(model, at_hand, recipe, seed) if model else [])
    report(0.5)
    bare = [each for each in written if each.source == "unlabeled"]
    labeled = [each for each in written if each.source != "unlabeled"]
    asked = _sample(at_hand, recipe, seed) if reader else []
    trust, human = _trusted(reader, at_hand, recipe, seed)
    report(0.7)
    readings = _readings(reader, labeled, asked, at_hand)
    report(0.95)
    found = _Found(labeled, asked, readings, trust.soft_labels(readings), trust.of(readings))
    kept, dropped = _sieved(found, human, at_hand, recipe)
    costs = model.meter.costs if model else Costs()
    return LmMaterials(texts=[found.texts[row] for row in kept], soft_labels=found.soft_labels[kept],
                       trust=found.trust[kept], provenance=[found.provenance(row) for row in kept],
                       unlabeled=_unlabeled(bare, at_hand, recipe), costs=costs,
                       facts={"dropped": dropped, "trust": trust.to_dict()} | human.facts)
