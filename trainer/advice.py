"""Asks the task's language model, if it has one, and turns what comes back into advice to learn from."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from registry.text import normalize, text_hash
from trainer.encoders.embedder import Embedder
from trainer.language_model.at_hand import AtHand, LanguageModel, Student
from trainer.language_model.examples import Examples
from trainer.language_model.imported import import_generations
from trainer.language_model.materials import LmMaterials, lm_materials
from trainer.language_model.prompts.library import prompts_for
from trainer.language_model.prompts.spec import packaged_specs
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.language_model.sentences import SentenceLabeler
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled
from trainer.learning.students import can_hold_out, students_of
from trainer.learning.supervised import learn_supervised
from trainer.materials import Materials
from trainer.recipe import Recipe
from trainer.workplace import Report

MIN_STUDENT_LABELS = 30                               # below it four wins of four would have to decide


def advice_for(model: LanguageModel | None, materials: Materials, labeled: Labeled, embedder: Embedder, recipe: Recipe,
               report: Report) -> tuple[Advice | None, dict[str, Any]]:
    """Return the advice, and the facts and costs for the run's record; nothing where the recipe has nobody to ask."""
    asked = recipe.language_model
    reader = sentences_for(materials.labels, embedder, asked) if model is None and asked.may_use_sentences else None
    if model is None and reader is None and not asked.imported:
        return None, {}
    human = Examples(materials.train.texts, materials.train.classes)
    imported = [each for file in asked.imported for each in import_generations(Path(file), materials.labels)]
    at_hand = AtHand(materials.labels, human, materials.traffic, materials.gate.texts, imported,
                     student_of(labeled, embedder, recipe))
    found = lm_materials(model, at_hand, asked, recipe.seed, reader=reader, report=lambda done: report("asking", done))
    facts = found.facts | {"n_imported": len(imported), "costs": asdict(found.costs)}
    if model is not None:
        facts |= {"model": model.backend.name, "prompts": model.prompts.names}
    return advice_of(found, embedder, human), {"language_model": facts}


def sentences_for(labels: list[str], embedder: Embedder, recipe: LanguageModelRecipe) -> SentenceLabeler:
    """Return the labeler that needs no language model, with the recipe's descriptions."""
    told = dict(each.split(": ", 1) for each in recipe.descriptions)
    spec = prompts_for(packaged_specs(), recipe.language).label[0]
    return SentenceLabeler(embedder.embed, labels, spec, told)


def advice_of(found: LmMaterials, embedder: Embedder, human: Examples) -> Advice | None:
    """Embed what was written and labeled, and say of which human-labeled texts it was made.

    Texts that were written without a label come last; nothing trusts them, so they count as
    more of the bank.
    """
    n_bare = len(found.unlabeled)
    if not found.texts and not n_bare:
        return None
    rows = {text_hash(normalize(text)): row for row, text in enumerate(human.texts)}
    origins = tuple(frozenset(rows[each] for each in told["origin"] if each in rows) for told in found.provenance)
    n_classes = found.soft_labels.shape[1]
    soft = np.concatenate([found.soft_labels, np.full((n_bare, n_classes), 1 / n_classes, np.float32)])
    return Advice(embedder.embed([*found.texts, *found.unlabeled]), soft,
                  np.concatenate([found.trust, np.zeros(n_bare, np.float32)]), (*origins, *[frozenset[int]()] * n_bare))


def student_of(labeled: Labeled, embedder: Embedder, recipe: Recipe) -> Student | None:
    """Learn a student that the language model has to beat before it may contradict it.

    None where too few labels can be held out to say who is right more often.
    """
    if len(labeled) < MIN_STUDENT_LABELS or not can_hold_out(labeled):
        return None
    whole = learn_supervised(labeled, recipe.head, recipe.seed)
    held_out = students_of(labeled, recipe.head, recipe.seed)
    return Student(lambda texts: whole.probs(embedder.embed(texts)),
                   held_out.probs(np.arange(len(labeled)), labeled.vectors))
