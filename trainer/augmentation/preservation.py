"""Which views still mean the class of their text: no reversal, and a student who did not see the text still says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.augmentation.polarity import is_reversed
from trainer.augmentation.synonyms import Synonyms
from trainer.learning.embedded import Labeled
from trainer.learning.folds import deal
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe

Probs = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Judged:
    """For each view (m,): whether it is kept, and what counted against it."""

    is_kept: np.ndarray
    is_reversed: np.ndarray
    is_doubted: np.ndarray                            # by the student


@dataclass(frozen=True)
class Students:
    """Heads on labels held out in turn: `probs(rows, vectors)` is what the head says that did not see those rows."""

    folds: np.ndarray                                 # (n,)
    heads: dict[int, Probs]

    def probs(self, rows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Return (m, C) for vectors (m, d) that belong to labeled rows (m,)."""
        found: np.ndarray | None = None
        for fold, ask in self.heads.items():
            places = np.flatnonzero(self.folds[rows] == fold)
            said = ask(vectors[places])
            found = np.zeros((len(rows), said.shape[1]), np.float32) if found is None else found
            found[places] = said
        assert found is not None
        return found


def students_of(labeled: Labeled, head: HeadRecipe, seed: int) -> Students:
    """Learn one student per fold from all other folds.

    Where a class has one label alone, nobody who did not see it knows the class: the fold
    is then asked of a student on all labels, which tells the views of a text from other texts.
    """
    n_folds = min(head.n_folds, int(labeled.counts().max()))
    whole = learn_supervised(labeled, head, seed).probs
    if n_folds < 2 or int(labeled.counts()[labeled.counts() > 0].min()) < 2:
        return Students(np.zeros(len(labeled), np.int64), {0: whole})
    folds = deal(labeled.classes, n_folds, seed)
    return Students(folds, {int(fold): learn_supervised(labeled.take(folds != fold), head, seed).probs
                            for fold in np.unique(folds)})


def judged(texts: Sequence[str], views: Sequence[str], classes: np.ndarray, of_text: np.ndarray, of_view: np.ndarray,
           min_share: float, synonyms: Synonyms | None = None) -> Judged:
    """Judge each view (m) of a text (m) of a class (m,) by what a student says of both, (m, C) each.

    A view is doubted if the student gives its class less than `min_share` of what it gives
    the text, or takes it for another class where it took the text for its own.
    """
    turned = np.array([is_reversed(text, view, synonyms) for text, view in zip(texts, views, strict=True)], bool)
    rows = np.arange(len(views))
    doubted = of_view[rows, classes] < min_share * of_text[rows, classes]
    doubted |= (of_text.argmax(axis=1) == classes) & (of_view.argmax(axis=1) != classes)
    return Judged(~turned & ~doubted, turned, doubted)
