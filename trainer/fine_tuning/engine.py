"""Tunes the encoder where that helps: tried first on labels it may not see, then with all of them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trainer.encoders.encoder import Encoder
from trainer.fine_tuning.devices import described
from trainer.fine_tuning.rounds import Sight, Subject, Tuning, tune
from trainer.learning.advised import Advice
from trainer.learning.choice import Duel, choose_more
from trainer.learning.folds import held_out_rows
from trainer.learning.head import logits_of
from trainer.learning.learn import MIN_UNLABELED, HeldOutAnswers, Learned, in_domain_head
from trainer.learning.supervised import learn_supervised
from trainer.recipe import Recipe
from trainer.workplace import Report


@dataclass(frozen=True)
class Workshop:
    """Where tuning works: the encoder to tune, the cache folder, threads, and who hears of progress."""

    base: Encoder
    cache: Path
    threads: int
    report: Report


@dataclass(frozen=True)
class Trial:
    """What tuned encoders said of labels held out from them, and what the untuned one that would ship said."""

    held_out: HeldOutAnswers
    incumbent: np.ndarray                             # (n,) answers

    @property
    def duel(self) -> Duel:
        return Duel.of(self.held_out.classes, self.incumbent, self.held_out.logits.argmax(axis=1))


def why_not(recipe: Recipe, n_labels: int, n_unlabeled: int, n_gpus: int) -> str:
    """Say why tuning is not even tried, or nothing: it takes a bank, a transformer and, unless always, a GPU."""
    use = recipe.fine_tuning.use
    reasons = {"the recipe leaves it out": use == "never",
               "the recipe leaves the bank out": recipe.in_domain.use == "never",
               "there is no human label": n_labels == 0,
               "the bank holds too few texts": n_unlabeled < MIN_UNLABELED,
               "only a transformer has layers to tune": not is_tunable(recipe.encoder),
               "no GPU is at hand": use == "auto" and n_gpus == 0}
    return next((reason for reason, holds in reasons.items() if holds), "")


def is_tunable(encoder: str) -> bool:
    """Say whether an encoder, as a recipe names it, has layers to tune."""
    return encoder.partition(":")[0] != "subword"


def fine_tune(shop: Workshop, sight: Sight, subject: Subject, learned: Learned,
              recipe: Recipe) -> tuple[Encoder, Learned]:
    """Return the encoder to ship and what was learned on it; `sight` is what the untuned encoder sees.

    The tuned one ships if held-out human labels say that it beats `learned`, or if the
    recipe says always; the evidence is kept with the choice either way.
    """
    n_asked = recipe.fine_tuning.n_asked_folds
    trial = _trial(_part(shop, 0, n_asked / (n_asked + 1)), sight, subject, learned, recipe)
    choice = choose_more("fine-tuned", learned.choice, None if trial is None else trial.duel,
                         recipe.fine_tuning.min_certainty)
    if recipe.fine_tuning.use == "always" and choice.arm != "fine-tuned":
        choice = replace(choice, arm="fine-tuned", reason=f"the recipe says so ({choice.reason})")
    if choice.arm != "fine-tuned":
        return shop.base, replace(learned, choice=choice)
    everything = np.arange(len(subject.labeled))
    tuning = _tuned(_part(shop, n_asked / (n_asked + 1), 1), sight, subject, everything, recipe, learned.advice)
    labeled = tuning.sight.labeled(subject, everything)
    # The untuned head learned from held-out labels how sure to be; teachers that see with an encoder which was tuned on
    # the bank are surer of the bank than they are right.
    sure = learned.head.probs(sight.texts[len(labeled) :])
    head = in_domain_head(tuning.sight.domain(subject, recipe), labeled, None if trial is None else trial.held_out,
                          recipe.head, recipe.in_domain, recipe.seed, sure)
    evidence = choice.evidence | {"tuned_on": described(), "rounds": recipe.fine_tuning.n_rounds}
    return tuning.encoder, replace(learned, head=head, choice=replace(choice, evidence=evidence))


def _trial(shop: Workshop, sight: Sight, subject: Subject, learned: Learned,
           recipe: Recipe) -> Trial | None:
    """Tune without each of the asked folds and ask it; None if no class has a second label."""
    labeled = sight.labeled(subject, np.arange(len(subject.labeled)))
    rounds = held_out_rows(labeled, recipe.fine_tuning.n_folds, recipe.seed)[: recipe.fine_tuning.n_asked_folds]
    logits, classes, labels_only, incumbent = [], [], [], []
    for number, (kept, asked) in enumerate(rounds):
        part = _part(shop, number / len(rounds), (number + 1) / len(rounds))
        tuning = _tuned(part, sight, subject, kept, recipe, learned.advice)
        taught = tuning.sight.teach(subject, kept, recipe)
        logits.append(logits_of(taught.linear, tuning.sight.texts[asked]))
        classes.append(subject.classes[asked])
        known = sight.labeled(subject, kept).with_names(sight.names if subject.speaks else None)
        alone = learn_supervised(known, recipe.head, recipe.seed)
        labels_only.append(alone.probs(sight.texts[asked]).argmax(axis=1))
        if learned.choice.arm == "labels-only":
            incumbent.append(labels_only[-1])
        else:
            untuned = sight.teach(subject, kept, recipe, learned.advice)
            incumbent.append(logits_of(untuned.linear, sight.texts[asked]).argmax(axis=1))
    if not classes:
        return None
    return Trial(HeldOutAnswers(np.concatenate(logits), np.concatenate(classes), np.concatenate(labels_only)),
                 np.concatenate(incumbent))


def _tuned(shop: Workshop, sight: Sight, subject: Subject, rows: np.ndarray, recipe: Recipe,
           advice: Advice | None) -> Tuning:
    return tune(shop.base, sight, subject, rows, recipe, shop.cache, shop.threads, shop.report, advice)


def _part(shop: Workshop, begin: float, end: float) -> Workshop:
    """Return the workshop with its progress being that from `begin` to `end`."""
    def report(step: str, done: float) -> None:
        shop.report(step, begin + (end - begin) * done)

    return replace(shop, report=report)
