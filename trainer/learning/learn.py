"""The method: labels, the bank and the label names in; a calibrated head and the reason for it out."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trainer.errors import NotTrainable
from trainer.learning.advised import Advice
from trainer.learning.calibration import fit_joint_temperature, fit_soft_temperature
from trainer.learning.choice import Choice, Duel, Expectation, choose, choose_more, without_bank
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.folds import held_out_rows
from trainer.learning.head import Head, logits_of, prototypes_of
from trainer.learning.in_domain import Domain
from trainer.learning.label_names import name_evidence
from trainer.learning.neighborhood import neighborhood
from trainer.learning.novelty import Novelty
from trainer.learning.supervised import learn_supervised
from trainer.recipe import HeadRecipe, InDomainRecipe

MIN_UNLABELED = 50                                    # fewer texts than this have no neighborhoods
BANK_ANSWERS = 20                                     # held-out ones that the bank counts for in the temperature


@dataclass(frozen=True)
class Learned:
    """The head to export, why this one, and both arms for whoever compares them."""

    head: Head
    choice: Choice
    labels_only: Head
    in_domain: Head | None
    augmented: Head | None = None
    advised: Head | None = None
    advice: Advice | None = None                      # what taught the chosen head beside labels and bank
    novelty: Novelty | None = None                    # None: too few labels to calibrate it


@dataclass(frozen=True)
class HeldOutAnswers:
    """Logits (n, C) of labels held out in turn, and their classes (n,)."""

    logits: np.ndarray
    classes: np.ndarray
    labels_only: np.ndarray                           # answers (n,) of a head on labels, and names that speak, alone


def learn(labeled: Labeled, unlabeled: Unlabeled | None, names: np.ndarray | None, head: HeadRecipe,
          in_domain: InDomainRecipe, seed: int, advice: Advice | None = None, views: Advice | None = None) -> Learned:
    """Learn each arm and choose; raises NotTrainable if fewer than two classes have labels.

    `names` (C, d) are the embedded label names; they are used, by each arm, only if human labels
    agree with them. `views` of the labeled texts make a third arm and a language model's `advice` a
    fourth; each has to win against the best of those before it.
    """
    if np.count_nonzero(labeled.counts()) < 2:
        raise NotTrainable(f"{len(labeled)} labels of {np.count_nonzero(labeled.counts())} classes teach nothing",
                           "import train labels of at least two classes: `hypermatch labels import`")
    supervised = learn_supervised(labeled, head, seed)
    n_texts = 0 if unlabeled is None else len(unlabeled.vectors) + len(advice or ()) + len(views or ())
    evidence = None if names is None else name_evidence(names, labeled)
    spoken = names if evidence is not None and evidence.is_convincing else None
    if in_domain.use == "never":
        return Learned(supervised, Choice("labels-only", "the recipe leaves the bank out", {}), supervised, None)
    plain = supervised if spoken is None else learn_supervised(labeled.with_names(spoken), head, seed)
    if unlabeled is None or n_texts < MIN_UNLABELED:
        return Learned(plain, without_bank(evidence), supervised, None)
    vectors = np.concatenate([labeled.vectors, unlabeled.vectors])
    domain = Domain(neighborhood(vectors, in_domain.n_neighbors), spoken)
    held_out = _held_out(domain, labeled, head, in_domain, seed)
    semi = in_domain_head(domain, labeled, held_out, head, in_domain, seed, plain=plain)
    expected = Expectation(in_domain.expected_wins, in_domain.expected_losses)
    choice = choose(_duel(held_out), evidence, expected, in_domain.min_certainty)
    if in_domain.use == "always":
        choice = replace(choice, arm="in-domain", reason=f"the recipe says so ({choice.reason})")
    learned = Learned(semi if choice.arm == "in-domain" else plain, choice, supervised, semi)
    taken: Advice | None = None
    for more in (More("augmented", views), More("advised", advice)):
        if more.advice:
            added = more.advice if taken is None else taken.joined(more.advice)
            near = neighborhood(np.concatenate([vectors, added.vectors]), in_domain.n_neighbors)
            answers = _take(more.arm, learned, Domain(near, spoken, added), held_out, labeled, head, in_domain, seed)
            learned = answers.learned
            if learned.choice.arm == more.arm:
                taken, held_out = added, answers.held_out
    return replace(learned, advice=taken)


@dataclass(frozen=True)
class More:
    """Something beyond labels and bank, and the arm that learns with it."""

    arm: Literal["augmented", "advised"]
    advice: Advice | None


@dataclass(frozen=True)
class Taken:
    """What is learned once an arm has competed, and what the arm answered to held-out labels."""

    learned: Learned
    held_out: HeldOutAnswers | None


def _take(arm: Literal["augmented", "advised"], learned: Learned, domain: Domain, before: HeldOutAnswers | None,
          labeled: Labeled, head: HeadRecipe, recipe: InDomainRecipe, seed: int) -> Taken:
    """Learn with views or advice too, and ship that if held-out labels say it beats what was chosen without."""
    held_out = _held_out(domain, labeled, head, recipe, seed)
    found = in_domain_head(domain, labeled, held_out, head, recipe, seed)
    duel = None
    if before is not None and held_out is not None:
        answers = before.labels_only if learned.choice.arm == "labels-only" else before.logits.argmax(axis=1)
        duel = Duel.of(held_out.classes, answers, held_out.logits.argmax(axis=1))
    choice = choose_more(arm, learned.choice, duel, recipe.min_advice_certainty)
    learned = replace(learned, augmented=found) if arm == "augmented" else replace(learned, advised=found)
    return Taken(replace(learned, head=found if choice.arm == arm else learned.head, choice=choice), held_out)


def in_domain_head(domain: Domain, labeled: Labeled, held_out: HeldOutAnswers | None, head: HeadRecipe,
                   recipe: InDomainRecipe, seed: int, sure: np.ndarray | None = None,
                   plain: Head | None = None) -> Head:
    """Return the calibrated head that the bank and all labels, the domain's first texts, teach.

    Of the bank it is as sure as its teachers were, or as the probabilities `sure` (n, C) are.
    `plain` is the head on the labels and the domain's names, if it was learned already.
    """
    taught = domain.teach(np.arange(len(labeled)), labeled, recipe, head, seed, plain)
    bank = slice(len(labeled), None)
    logits = logits_of(taught.linear, domain.neighborhood.vectors[bank])
    targets = taught.pseudo_labels[bank] if sure is None else sure
    if held_out is None:
        temperature = fit_soft_temperature(logits, targets)
    else:
        temperature = fit_joint_temperature(held_out.logits, held_out.classes, logits, targets, BANK_ANSWERS)
    facts = {"strength": recipe.strength, "unlabeled_texts": float(len(domain.neighborhood) - len(labeled)),
             "uses_label_names": float(domain.names is not None)}
    if held_out is not None:
        facts |= {"cross_fitted_accuracy": float((held_out.logits.argmax(axis=1) == held_out.classes).mean()),
                  "cross_fitted_labels": float(len(held_out.classes))}
    return Head(weight=np.ascontiguousarray(taught.linear[:, :-1]), bias=taught.linear[:, -1].copy(),
                temperature=temperature, prototypes=prototypes_of(labeled), facts=facts)


def _held_out(domain: Domain, labeled: Labeled, head: HeadRecipe, recipe: InDomainRecipe,
              seed: int) -> HeldOutAnswers | None:
    """Teach without each fold in turn and ask it; None if no class has a second label.

    The texts of the fold stay in the neighborhood without their labels, as any text of the bank.
    """
    logits, classes, answers = [], [], []
    for kept, asked in held_out_rows(labeled, recipe.n_folds, seed):
        fitted = labeled.take(kept)
        plain = learn_supervised(fitted.with_names(domain.names), head, seed)
        taught = domain.teach(kept, fitted, recipe, head, seed, plain)
        logits.append(logits_of(taught.linear, labeled.vectors[asked]))
        classes.append(labeled.classes[asked])
        answers.append(plain.probs(labeled.vectors[asked]).argmax(axis=1))
    if not classes:
        return None
    return HeldOutAnswers(np.concatenate(logits), np.concatenate(classes), np.concatenate(answers))


def _duel(held_out: HeldOutAnswers | None) -> Duel | None:
    if held_out is None:
        return None
    return Duel.of(held_out.classes, held_out.labels_only, held_out.logits.argmax(axis=1))
