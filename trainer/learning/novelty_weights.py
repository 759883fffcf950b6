"""Which signals tell unknown classes: measured by leaving known classes out in turn."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from trainer.learning.embedded import Labeled
from trainer.learning.folds import deal
from trainer.learning.head import fit_linear
from trainer.learning.novelty_recipe import NoveltyRecipe
from trainer.learning.novelty_signals import Signals

N_CLASS_FOLDS, N_ROW_FOLDS = 3, 4
MIN_CLASSES = 6                                       # with fewer, the classes that are left say little of the others
MAX_ROWS = 1_500                                      # fitted per fold; weights move little with more
# Of the weights: classes left out lie near the known ones, much that is strange does not. On the validation split of
# CLINC150's out-of-scope texts the logit alone, which the classes left out prefer, has .973 AUROC, both together .985.
EQUAL_SHARE = 2 / 3
STRENGTH = 1.0                                        # of the regression of two weights


def learn_weights(labeled: Labeled, signals: Signals, recipe: NoveltyRecipe, seed: int) -> np.ndarray:
    """Return the weight (2,) of each standardized signal, none below 0, 1 in sum; equal where classes are too few.

    Every third of the classes is left out once, and a logistic regression tells its texts
    from held-out texts of the others.
    """
    equal = np.full(2, 0.5)
    present = np.flatnonzero(labeled.counts() >= 2)
    if len(present) < MIN_CLASSES:
        return equal
    rows, is_novel = [], []
    class_folds = np.random.default_rng(seed).permutation(len(present)) % N_CLASS_FOLDS
    for fold in range(N_CLASS_FOLDS):
        known, novel = _left_out(labeled, present[class_folds == fold], signals, recipe, seed + fold)
        scale = known.std(axis=0).clip(min=1e-6)
        rows += [(each - known.mean(axis=0)) / scale for each in (known, novel)]
        is_novel += [np.zeros(len(known)), np.ones(len(novel))]
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=200)
    model.fit(np.concatenate(rows), np.concatenate(is_novel))
    weights = (-model.coef_[0]).clip(min=0)
    learned = weights / weights.sum() if weights.sum() > 0 else equal
    return EQUAL_SHARE * equal + (1 - EQUAL_SHARE) * learned


def _left_out(labeled: Labeled, classes: np.ndarray, signals: Signals, recipe: NoveltyRecipe,
              seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the signals of held-out texts of the other classes, and of texts of the classes left out."""
    is_novel = np.isin(labeled.classes, classes)
    folds = deal(labeled.classes, N_ROW_FOLDS, seed)
    generator = np.random.default_rng(seed)

    def some(chosen: np.ndarray) -> np.ndarray:
        return np.sort(generator.permutation(np.flatnonzero(chosen))[:MAX_ROWS])

    numbers = np.cumsum(np.bincount(labeled.classes[~is_novel], minlength=labeled.n_classes) > 0) - 1
    kept = labeled.take(some(~is_novel & (folds > 0)))
    fitted = Labeled(kept.vectors, numbers[kept.classes], int(numbers[-1]) + 1)
    without = Signals(fitted.vectors, fit_linear(fitted, recipe.strength), signals.n_nearest)
    return without(labeled.vectors[some(~is_novel & (folds == 0))]), without(labeled.vectors[some(is_novel)])
