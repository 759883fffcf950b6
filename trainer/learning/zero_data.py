"""A start without any human label: label names, the bank and advice teach; nothing has proven the result yet."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainer.errors import NotTrainable
from trainer.learning.advised import Advice
from trainer.learning.calibration import fit_soft_temperature
from trainer.learning.choice import Choice
from trainer.learning.embedded import Labeled
from trainer.learning.head import Head, logits_of, prototypes_of
from trainer.learning.in_domain import Domain
from trainer.learning.learn import MIN_UNLABELED, Learned
from trainer.learning.neighborhood import neighborhood
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe, InDomainRecipe

_WORD = re.compile(r"[^\W\d_]{2}")


def say_something(labels: Sequence[str]) -> bool:
    """Say whether the labels are words; `7` and `L-2` tell nobody what belongs to them."""
    return len(labels) > 1 and all(_WORD.search(label) for label in labels)


def learn_from_names(names: np.ndarray, unlabeled: np.ndarray, head: HeadRecipe, recipe: InDomainRecipe, seed: int,
                     advice: Advice | None = None) -> Learned:
    """Learn from the embedded label names (C, d), each one text of its class, spread over the bank (n, d) and advice.

    Raises NotTrainable if there are too few texts to spread over. Confidence is as high as
    the teachers': no held-out label can say how often they are right.
    """
    n_texts = len(unlabeled) + len(advice or ())
    if n_texts < MIN_UNLABELED:
        raise NotTrainable(f"there is no human label and the bank holds {n_texts} texts, {MIN_UNLABELED} are needed",
                           "import train labels, bank some texts, or set a language model")
    named = Labeled(names, np.arange(len(names)), len(names))
    vectors = unlabeled if advice is None else np.concatenate([unlabeled, advice.vectors])
    domain = Domain(neighborhood(vectors, recipe.n_neighbors), names, advice)
    nothing = np.zeros(0, np.int64)
    taught = domain.teach(nothing, Labeled(vectors[:0], nothing, len(names)), recipe, head, seed)
    temperature = fit_soft_temperature(logits_of(taught.linear, vectors), taught.pseudo_labels)
    alone = replace(learn_supervised(named, head, seed), facts={})
    found = Head(np.ascontiguousarray(taught.linear[:, :-1]), taught.linear[:, -1].copy(), temperature,
                 prototypes_of(named), {"unlabeled_texts": float(n_texts), "uses_label_names": 1.0})
    helped = f" and {len(advice)} texts of advice" if advice else ""
    reason = (f"no human label: learned from {len(names)} label names, {len(unlabeled)} texts of the bank{helped}; "
              "unproven until gate labels judge it")
    return Learned(found, Choice("zero-data", reason, {}), alone, found)
