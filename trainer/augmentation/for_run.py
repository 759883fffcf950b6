"""Makes the views that a run's recipe asks for, from its labeled texts, its bank and its language model."""

from collections.abc import Sequence
from typing import Any

from trainer.augmentation.augment import views_of
from trainer.augmentation.edits import Eda
from trainer.augmentation.recipe import AugmentationRecipe
from trainer.augmentation.rewriting import back_translator, paraphraser
from trainer.augmentation.synonyms import Embed, Synonyms, synonyms_for
from trainer.augmentation.views import ViewProvider
from trainer.encoders.embedder import Embedder
from trainer.language_model.at_hand import LanguageModel
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled
from trainer.materials import Materials
from trainer.recipe import Recipe
from trainer.workplace import Report


def views_for(model: LanguageModel | None, materials: Materials, labeled: Labeled, embedder: Embedder, recipe: Recipe,
              report: Report) -> tuple[Advice | None, dict[str, Any]]:
    """Return the views that preserve their class, as advice, and for the run's record what became of the rest."""
    asked = recipe.augmentation
    if not asked.providers or not len(labeled):
        return None, {}
    report("rewording", 0.0)
    synonyms = synonyms_of(asked, materials.train.texts, materials.traffic, embedder.embed)
    providers = providers_for(asked, synonyms, model, recipe)
    views = views_of(materials.train.texts, labeled, providers, embedder.embed, synonyms, asked, recipe.head,
                     recipe.seed, lambda done: report("rewording", done))
    return views.advice(labeled, asked.weight), {"augmentation": views.facts()}


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
