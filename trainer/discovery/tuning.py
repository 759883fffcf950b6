"""What a second look sees with: the encoder, tuned on the groups that the first look found."""

from dataclasses import replace

import numpy as np

from trainer.discovery.grouping import Groups
from trainer.encoders.embedder import Embedder
from trainer.encoders.encoder import Encoder
from trainer.fine_tuning.engine import Workshop, is_tunable
from trainer.fine_tuning.job import Job
from trainer.fine_tuning.launch import done
from trainer.fine_tuning.lessons import lessons_of
from trainer.fine_tuning.tuned import tuned_encoder
from trainer.learning.alignment import normalized
from trainer.learning.in_domain import Taught
from trainer.learning.soft_fit import fit_soft_linear
from trainer.recipe import InDomainRecipe, Recipe


def why_not_tuned(recipe: Recipe, n_gpus: int) -> str:
    """Say why there is no second look, or nothing."""
    tune = recipe.discovery.tune
    reasons = {"the recipe leaves it out": tune == "never",
               "only a transformer has layers to tune": not is_tunable(recipe.encoder),
               "no GPU is at hand": tune == "auto" and n_gpus == 0}
    return next((reason for reason, holds in reasons.items() if holds), "")


def tuned_on(groups: Groups, texts: list[str], n_labeled: int, recipe: Recipe, shop: Workshop) -> Encoder:
    """Return the encoder, tuned to tell the `groups` of normalized `texts` apart, labeled ones first.

    A strong view of a text (words left out or swapped) is held to be of the group that a
    head, which learned the groups, gives the text, and counts the less the less sure that is.
    Of more than `discovery.max_tuning_texts` some are drawn, labeled ones before others. The same
    groups, texts and recipe tune the same; an interrupted tuning goes on where it was.
    """
    rows = _drawn(len(texts), n_labeled, recipe)
    texts, groups = [texts[row] for row in rows], replace(groups, membership=groups.membership[rows])
    n_labeled = int(np.count_nonzero(rows < n_labeled))
    embedder = Embedder.of(shop.base, shop.cache, shop.threads)
    vectors = embedder.embed(texts, lambda part: shop.report("embedding", part))
    tuning = replace(recipe.fine_tuning, epochs=recipe.discovery.tuning_epochs)
    taught = Taught(head_of(groups, vectors, recipe.in_domain), groups.membership)
    lessons = lessons_of(texts, vectors, np.arange(n_labeled), taught, None, tuning)
    job = Job(replace(recipe, fine_tuning=tuning), None, recipe.seed, lessons)
    return tuned_encoder(shop.base, done(shop.cache, shop.base, job, lambda part: shop.report("fine-tuning", part)))


def _drawn(n: int, n_labeled: int, recipe: Recipe) -> np.ndarray:
    """Return the rows to tune on, in order."""
    most, generator = recipe.discovery.max_tuning_texts, np.random.default_rng(recipe.seed)
    order = np.concatenate([generator.permutation(n_labeled), n_labeled + generator.permutation(n - n_labeled)])
    return np.sort(order[:most])


def head_of(groups: Groups, vectors: np.ndarray, recipe: InDomainRecipe) -> np.ndarray:
    """Return a linear head (K, d + 1) that learned which group each of `vectors` (N, d) is in."""
    targets = normalized(groups.membership**recipe.sharpness)
    return fit_soft_linear(vectors, targets, targets.max(axis=1), recipe.strength, recipe.n_iterations)
