"""Makes the views that a run's recipe asks for, from its labeled texts, its bank and its language model."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from trainer.augmentation.augment import views_of
from trainer.augmentation.edits import Eda
from trainer.augmentation.recipe import AugmentationRecipe
from trainer.augmentation.rewriting import back_translator, paraphraser
from trainer.augmentation.synonyms import Embed, Synonyms, synonyms_for
from trainer.augmentation.templates import Templates
from trainer.augmentation.views import ViewProvider
from trainer.encoders.embedder import Embedder
from trainer.language_model.at_hand import LanguageModel
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled
from trainer.learning.label_names import spoken
from trainer.materials import Materials
from trainer.recipe import Recipe
from trainer.workplace import Report


def views_for(model: LanguageModel | None, materials: Materials, labeled: Labeled, embedder: Embedder, recipe: Recipe,
              report: Report) -> tuple[Advice | None, dict[str, Any]]:
    """Return the views that preserve their class, as advice, and for the run's record what became of the rest."""
    asked, told = recipe.augmentation, dict[str, Any]()
    of_names = of_label_names(materials.labels, embedder.embed, asked) if "templates" in asked.providers else None
    if of_names is not None:
        told["templates"] = {"kept": len(of_names)}
    if set(asked.providers) <= {"templates"} or not len(labeled):
        return of_names, {"augmentation": told} if told else {}
    report("rewording", 0.0)
    synonyms = synonyms_of(asked, materials.train.texts, materials.traffic, embedder.embed)
    providers = providers_for(asked, synonyms, model, recipe)
    views = views_of(materials.train.texts, labeled, providers, embedder.embed, synonyms, asked, recipe.head,
                     recipe.seed, lambda done: report("rewording", done))
    found = [each for each in (views.advice(labeled, asked.weight), of_names) if each is not None]
    return reduce(Advice.joined, found) if found else None, {"augmentation": views.facts() | told}


def of_label_names(labels: Sequence[str], embed: Embed, asked: AugmentationRecipe) -> Advice | None:
    """Return each label's name in sentences, as texts of its class that count `weight` together.

    A sentence is kept if it lies nearer to its own label's name than to any other.
    """
    names = [spoken(label) for label in labels]
    made = Templates().views(names, asked.n_views, 0)
    classes = np.repeat(np.arange(len(names)), [len(views) for views in made])
    vectors = embed([view for views in made for view in views])
    kept = (vectors @ embed(names).T).argmax(axis=1) == classes
    if not kept.any():
        return None
    counts = np.bincount(classes[kept], minlength=len(names))
    soft = np.eye(len(names), dtype=np.float32)[classes[kept]]
    trust = (asked.weight / counts[classes[kept]]).astype(np.float32)
    return Advice(vectors[kept], soft, np.minimum(trust, 1), (frozenset[int](),) * int(kept.sum()))


def synonyms_of(asked: AugmentationRecipe, texts: Sequence[str], bank: Sequence[str], embed: Embed) -> Synonyms:
    return synonyms_for(texts, bank, embed, n=asked.n_synonyms, min_cosine=asked.min_cosine,
                        max_words=asked.max_words)


def providers_for(asked: AugmentationRecipe, synonyms: Synonyms, model: LanguageModel | None,
                  recipe: Recipe) -> list[ViewProvider]:
    """Return the providers of the recipe, without those that need a language model where none is set."""
    found: dict[str, ViewProvider] = {"eda": Eda(synonyms, asked.share)}
    if model is not None:
        found |= {each.name: each for each in (paraphraser(model, recipe.language_model),
                                               back_translator(model, recipe.language_model))}
    return [found[name] for name in asked.providers if name in found]
