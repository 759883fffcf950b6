"""What a language model adds to a task: texts, soft labels, how far each is believed, and what it cost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from trainer.language_model.at_hand import AtHand, LanguageModel
from trainer.language_model.budget import Costs
from trainer.language_model.examples import Examples
from trainer.language_model.generation import generate, write_unlabeled
from trainer.language_model.hypermix import Written, mix
from trainer.language_model.labeling import Labeler, Readings, Report, silent
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.language_model.sifting import Found, Overruling, sifted, sifted_unlabeled
from trainer.language_model.trust import Trust, cross_fitted, fit_trust, unproven


class Reader(Protocol):
    """Says what texts mean: a language model with two prompts, or sentences near label names."""

    @property
    def name(self) -> str: ...

    def read(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> Readings: ...

    def read_crosswise(self, human: Examples, report: Report = silent) -> Readings: ...

    def read_once(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> np.ndarray: ...


@dataclass(frozen=True)
class LmMaterials:
    """Texts to learn from beside the human labels; `facts` and `costs` go to the run record."""

    texts: list[str]
    soft_labels: np.ndarray                           # (n, C) float32, rows add up to 1
    trust: np.ndarray                                 # (n,) float32 in [0, 1]: probability that the label is right
    provenance: list[dict[str, Any]]                  # n of them: source, generator, prompt, origin
    unlabeled: list[str]                              # written texts that nobody labeled
    facts: dict[str, Any] = field(default_factory=dict)
    costs: Costs = field(default_factory=Costs)


def lm_materials(model: LanguageModel | None, at_hand: AtHand, recipe: LanguageModelRecipe, seed: int, *,
                 reader: Reader | None = None, report: Report = silent) -> LmMaterials:
    """Write and label as the recipe says, and keep what passes the filters.

    Without a model nothing is written; `reader`, such as a SentenceLabeler, then labels the
    traffic, and imported texts keep their labels. A budget that runs out ends the asking, not
    the run: what was answered is kept, and the costs say how many calls were refused.
    """
    if reader is None and model is not None:
        reader = Labeler(model.backend, model.prompts.label, at_hand.labels, recipe, seed)
    known = _known(reader, at_hand, recipe, seed)     # first: without it no other answer can be believed
    report(0.2)
    traffic = at_hand.sample(recipe.n_labeled, seed) if reader else []
    read = reader.read(traffic, at_hand.human) if reader and traffic else _unread(at_hand)
    report(0.5)
    written, bare = _written(model, at_hand, recipe, seed)
    report(0.8)
    found = _found(model, reader, known, written, traffic, read, at_hand, recipe)
    kept, dropped = sifted(found, known.overruling, at_hand, recipe)
    report(1.0)
    texts = found.texts
    return LmMaterials(texts=[texts[row] for row in kept], soft_labels=found.soft_labels[kept],
                       trust=found.trust[kept], provenance=[found.provenance(row) for row in kept],
                       unlabeled=sifted_unlabeled(bare, at_hand, recipe),
                       facts=known.facts | {"n_written": len(written), "n_labeled": len(traffic), "dropped": dropped},
                       costs=model.meter.costs if model else Costs())


@dataclass(frozen=True)
class Known:
    """What the human labels say of the reader."""

    trust: Trust
    overruling: Overruling
    facts: dict[str, Any]


def _known(reader: Reader | None, at_hand: AtHand, recipe: LanguageModelRecipe, seed: int) -> Known:
    human = at_hand.human
    if reader is None or not len(human):
        return Known(unproven(recipe.unproven_trust), Overruling(), {"trust": None})
    readings = reader.read_crosswise(human)
    trust = fit_trust(readings, human.classes, recipe.unproven_trust)
    held_out = cross_fitted(readings, human.classes, recipe.unproven_trust, seed)
    is_right = readings.probs.argmax(axis=1) == human.classes
    overruling = Overruling() if at_hand.student is None else Overruling.of(readings, human.classes, at_hand.student)
    facts = {"trust": trust.to_dict(), "agreement": float(readings.agree.mean()),
             "trust_brier": float(np.mean((held_out - is_right) ** 2)), "may_overrule": asdict(overruling)["allowed"]}
    return Known(trust, overruling, facts)


def _written(model: LanguageModel | None, at_hand: AtHand, recipe: LanguageModelRecipe,
             seed: int) -> tuple[list[Written], list[Written]]:
    """Return texts with labels, the imported ones first, and texts without."""
    if model is None:
        return list(at_hand.imported), []
    backend, prompts, labels, human = model.backend, model.prompts, at_hand.labels, at_hand.human
    mixed = mix(backend, prompts.mix, labels, human, recipe.mixed_per_label * len(labels), recipe, seed)
    generated = generate(backend, prompts.generate, labels, human, recipe, seed)
    seen = at_hand.sample(10 * recipe.n_unlabeled, seed) or human.texts
    bare = write_unlabeled(backend, prompts.unlabeled, seen, len(labels), recipe, seed) if recipe.n_unlabeled else []
    return [*at_hand.imported, *mixed, *generated], bare


def _found(model: LanguageModel | None, reader: Reader | None, known: Known, written: Sequence[Written],
           traffic: Sequence[str], read: Readings, at_hand: AtHand, recipe: LanguageModelRecipe) -> Found:
    """Let the language model read what was written, too; without one it stands as it is, unproven."""
    claimed = np.array([each.probs for each in written], np.float32).reshape(len(written), len(at_hand.labels))
    confirmed = claimed
    if model is not None and reader is not None and len(written):
        confirmed = reader.read_once([each.text for each in written], at_hand.human)
    trust = known.trust if model is not None else unproven(recipe.unproven_trust)
    of_written = Readings(claimed, confirmed)
    return Found(written, traffic, np.concatenate([trust.soft_labels(of_written), known.trust.soft_labels(read)]),
                 np.concatenate([trust.of(of_written), known.trust.of(read)]),
                 np.concatenate([of_written.agree, read.agree]), reader.name if reader else "")


def _unread(at_hand: AtHand) -> Readings:
    blank = np.zeros((0, len(at_hand.labels)), np.float32)
    return Readings(blank, blank)
