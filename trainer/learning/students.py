"""Heads on labels held out in turn: what is said of a labeled text by somebody who never saw its label."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainer.learning.embedded import Labeled
from trainer.learning.folds import deal
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe

Probs = Callable[[np.ndarray], np.ndarray]


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
    if not can_hold_out(labeled):
        return Students(np.zeros(len(labeled), np.int64), {0: learn_supervised(labeled, head, seed).probs})
    folds = deal(labeled.classes, min(head.n_folds, int(labeled.counts().max())), seed)
    return Students(folds, {int(fold): learn_supervised(labeled.take(folds != fold), head, seed).probs
                            for fold in np.unique(folds)})


def can_hold_out(labeled: Labeled) -> bool:
    """Say whether every class that has labels has a second one."""
    counts = labeled.counts()
    return len(labeled) > 0 and int(counts[counts > 0].min()) > 1
