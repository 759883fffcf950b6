"""Makes views of labeled texts, keeps those that preserve the class, and says what became of the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from trainer.augmentation.preservation import Judged, judged
from trainer.augmentation.recipe import AugmentationRecipe
from trainer.augmentation.synonyms import Embed, Synonyms
from trainer.augmentation.views import Report, ViewProvider, silent
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled
from trainer.learning.students import Probs, students_of
from trainer.recipe import HeadRecipe


@dataclass(frozen=True)
class Views:
    """Views (m) and the labeled rows (m,) that they are of, by provider; which of them are kept."""

    texts: list[str]
    rows: np.ndarray
    providers: list[str]
    vectors: np.ndarray                               # (m, d)
    judged: Judged

    def facts(self) -> dict[str, Any]:
        """Return, per provider, how many views were made and kept and what spoke against the others."""
        made = np.array(self.providers, object)
        return {name: {"made": int((made == name).sum()), "kept": int(self.judged.is_kept[made == name].sum()),
                       "reversed": int(self.judged.is_reversed[made == name].sum()),
                       "doubted": int(self.judged.is_doubted[made == name].sum())}
                for name in sorted(set(self.providers))}

    def advice(self, labeled: Labeled, weight: float) -> Advice | None:
        """Return the kept views as what a text's label says of them; those of one text count `weight` together."""
        kept = np.flatnonzero(self.judged.is_kept)
        if not len(kept):
            return None
        rows = self.rows[kept]
        share = weight / np.bincount(rows, minlength=len(labeled))[rows]
        soft = np.eye(labeled.n_classes, dtype=np.float32)[labeled.classes[rows]]
        origins = tuple(frozenset({row}) for row in rows.tolist())
        return Advice(self.vectors[kept], soft, share.astype(np.float32), origins)


def views_of(texts: Sequence[str], labeled: Labeled, providers: Sequence[ViewProvider], embed: Embed,
             synonyms: Synonyms | None, recipe: AugmentationRecipe, head: HeadRecipe, seed: int,
             report: Report = silent) -> Views:
    """Make up to `n_views` views of each labeled text by each provider and judge them; one seed, one outcome."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(texts))[: recipe.max_texts]).tolist()
    made, rows, names = [], [], []
    for number, provider in enumerate(providers):
        found = provider.views([texts[row] for row in drawn], recipe.n_views, seed,
                               partial(_part, report, number, len(providers)))
        for row, views in zip(drawn, found, strict=True):
            made += views
            rows += [row] * len(views)
            names += [provider.name] * len(views)
    of = np.array(rows, np.int64)
    vectors = embed(made) if made else np.zeros((0, labeled.vectors.shape[1]), np.float32)
    return Views(made, of, names, vectors, _judged(texts, made, of, vectors, labeled, synonyms, recipe, head, seed))


def _part(report: Report, number: int, n: int, done: float) -> None:
    """Tell how far all of `n` providers are while provider `number` works."""
    report((number + done) / n)


def strong_views(texts: Sequence[str], vectors: np.ndarray, provider: ViewProvider, n: int, probs: Probs, embed: Embed,
                 synonyms: Synonyms | None, min_share: float, seed: int, report: Report = silent) -> np.ndarray:
    """Return (N, n, d): the vectors of `n` views of each unlabeled text (N), itself where a view is not kept.

    A view is kept if what `probs` guesses of the text it also guesses of the view.
    """
    made = provider.views(texts, n, seed, report)
    rows = np.repeat(np.arange(len(texts)), [len(views) for views in made])
    places = np.array([place for views in made for place in range(len(views))], np.int64)
    found = np.repeat(vectors[:, None, :], n, axis=1)
    if len(rows):
        of_view = embed([view for views in made for view in views])
        guesses = probs(vectors)
        kept = judged([texts[row] for row in rows.tolist()], [view for views in made for view in views],
                      guesses.argmax(axis=1)[rows], guesses[rows], probs(of_view), min_share, synonyms).is_kept
        found[rows[kept], places[kept]] = of_view[kept]
    return found


def _judged(texts: Sequence[str], made: Sequence[str], rows: np.ndarray, vectors: np.ndarray, labeled: Labeled,
            synonyms: Synonyms | None, recipe: AugmentationRecipe, head: HeadRecipe, seed: int) -> Judged:
    if not made:
        nothing = np.zeros(0, bool)
        return Judged(nothing, nothing, nothing)
    students = students_of(labeled, head, seed)
    of_text, of_view = students.probs(rows, labeled.vectors[rows]), students.probs(rows, vectors)
    return judged([texts[row] for row in rows], made, labeled.classes[rows], of_text, of_view, recipe.min_share,
                  synonyms)
