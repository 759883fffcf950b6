"""How a discovery looks at its texts: once as the champion's encoder sees them, then as one tuned on what was found."""

from dataclasses import replace

import numpy as np

from registry.text import normalize
from trainer.discovery.finding import FoundGroups, find_again, find_groups
from trainer.discovery.pool import Pool
from trainer.discovery.space import Space, space_of
from trainer.discovery.tuning import tuned_on
from trainer.encoders.kinds import open_encoder
from trainer.fine_tuning.engine import Workshop
from trainer.fine_tuning.rounds import vectors_of
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace


def look(pool: Pool, recipe: Recipe, report: Report) -> tuple[Space, FoundGroups]:
    """Group the pool as the champion's encoder sees it."""
    space = _space(pool, pool.labeled.vectors, pool.vectors, recipe, report)
    return space, find_groups(space, recipe.discovery, recipe.seed)


def look_again(workplace: Workplace, pool: Pool, seen: FoundGroups, recipe: Recipe,
               report: Report) -> tuple[Space, FoundGroups]:
    """Tune the recipe's encoder on the groups `seen` and group the pool as it sees it."""
    texts, n_labeled = [normalize(text) for text in pool.labeled_texts + pool.texts], len(pool.labeled_texts)
    shop = Workshop(open_encoder(recipe, texts, workplace.cache), workplace.cache, workplace.threads, report)
    encoder = tuned_on(seen.groups, texts, n_labeled, recipe, shop)
    vectors = vectors_of(encoder, texts, workplace.cache, workplace.threads, lambda done: report("embedding", done))
    space = _space(pool, vectors[:n_labeled], vectors[n_labeled:], recipe, report)
    return space, find_again(space, seen, recipe.discovery, recipe.seed)


def _space(pool: Pool, labeled: np.ndarray, candidates: np.ndarray, recipe: Recipe, report: Report) -> Space:
    """Make the space of the labeled texts, (n_labeled, d), and the candidates, (n, d), as an encoder sees them."""
    space = space_of(replace(pool.labeled, vectors=labeled), candidates, recipe.discovery, pool.is_novel,
                     pool.n_by_share, lambda done: report("learning", done / 2))
    report("learning", 0.6)
    return space
