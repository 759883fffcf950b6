"""Labels only, and other ways of saying the labeled texts: each view is some part of a label."""

import numpy as np

from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled
from trainer.learning.head import Head, prototypes_of
from trainer.learning.soft_fit import fit_soft_linear
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe

N_ITERATIONS = 60                                     # as many as a head on labels only is given


def learn_with_views(labeled: Labeled, views: Advice, head: HeadRecipe, seed: int) -> Head:
    """Fit one head to labels and views; strength and temperature are those that the labels alone chose."""
    alone = learn_supervised(labeled, head, seed)
    targets = np.concatenate([np.eye(labeled.n_classes)[labeled.classes], views.soft_labels])
    weights = np.concatenate([np.ones(len(labeled)), views.trust])
    strength = float(alone.facts["strength"]) * float(weights.sum())
    linear = fit_soft_linear(np.concatenate([labeled.vectors, views.vectors]), targets, weights, strength, N_ITERATIONS)
    return Head(weight=np.ascontiguousarray(linear[:, :-1]), bias=linear[:, -1].copy(), temperature=alone.temperature,
                prototypes=prototypes_of(labeled), facts=alone.facts | {"views": float(len(views))})
