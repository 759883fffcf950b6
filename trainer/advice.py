"""Asks the task's language model, if it has one, and turns what comes back into advice to learn from."""

from dataclasses import asdict
from typing import Any

import numpy as np

from registry.text import normalize, text_hash
from trainer.encoders.embedder import Embedder
from trainer.language_model.at_hand import AtHand, LanguageModel
from trainer.language_model.examples import Examples
from trainer.language_model.materials import LmMaterials, lm_materials
from trainer.learning.advised import Advice
from trainer.materials import Materials
from trainer.recipe import Recipe
from trainer.workplace import Report


def advice_for(model: LanguageModel | None, materials: Materials, embedder: Embedder, recipe: Recipe,
               report: Report) -> tuple[Advice | None, dict[str, Any]]:
    """Return the advice, and the facts and costs for the run's record; nothing if no model is set."""
    if model is None:
        return None, {}
    human = Examples(materials.train.texts, materials.train.classes)
    at_hand = AtHand(materials.labels, human, traffic=materials.traffic, gate_texts=materials.gate.texts)
    found = lm_materials(model, at_hand, recipe.language_model, recipe.seed,
                         report=lambda done: report("asking", done))
    facts = found.facts | {"model": model.backend.name, "prompts": model.prompts.names, "costs": asdict(found.costs)}
    return advice_of(found, embedder, human), {"language_model": facts}


def advice_of(found: LmMaterials, embedder: Embedder, human: Examples) -> Advice | None:
    """Embed what was written and labeled, and say of which human-labeled texts it was made."""
    if not found.texts:
        return None
    rows = {text_hash(normalize(text)): row for row, text in enumerate(human.texts)}
    origins = tuple(frozenset(rows[each] for each in told["origin"] if each in rows) for told in found.provenance)
    return Advice(embedder.embed(found.texts), np.asarray(found.soft_labels), np.asarray(found.trust), origins)
