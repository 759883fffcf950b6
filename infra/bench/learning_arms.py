"""The arms of the learning benchmark: ways to learn from the same labels, bank and label names."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from registry.errors import HyperMatchError
from trainer.augmentation.augment import strong_views, views_of
from trainer.augmentation.edits import Eda
from trainer.augmentation.for_run import synonyms_of
from trainer.augmentation.templates import is_korean
from trainer.encoders.embedder import Embedder
from trainer.encoders.encoder import Encoder
from trainer.evaluation import Answers, ece, macro_f1_of
from trainer.fine_tuning.engine import Workshop, fine_tune
from trainer.fine_tuning.rounds import Sight, Subject
from trainer.language_model.examples import unlabeled
from trainer.language_model.prompts.library import prompts_for
from trainer.language_model.prompts.spec import packaged_specs
from trainer.language_model.sentences import SentenceLabeler
from trainer.learning.advised import Advice
from trainer.learning.augmented import learn_with_views
from trainer.learning.calibration import fit_soft_temperature
from trainer.learning.choice import Choice
from trainer.learning.consistency import ConsistencyRecipe, learn_consistent
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.head import Head, logits_of, prototypes_of
from trainer.learning.label_names import name_evidence, spoken
from trainer.learning.learn import Learned, learn
from trainer.learning.selection import select
from trainer.learning.supervised import learn_supervised
from trainer.learning.tfidf import answers_of_tfidf
from trainer.learning.zero_data import learn_from_names
from trainer.progress import StepBar
from trainer.recipe import Recipe

N_STRONG_VIEWS = 2                                    # of each text of the bank, in arm softmatch-eda


@dataclass(frozen=True)
class Texts:
    """The texts behind a draw's vectors, for the arms that read or write texts."""

    labeled: list[str]
    unlabeled: list[str]
    test: list[str]
    foreign: list[str]                                # of other sets, some of this one hidden among them
    n_hidden: int                                     # the last so many of `foreign` are of this set
    embed: Callable[[Sequence[str]], np.ndarray]
    labels: list[str]
    encoder: Encoder                                  # what `embed` embeds with
    cache: Path


@dataclass(frozen=True)
class Draw:
    """What one draw gives every arm: labels, the rest of the train split without its labels, and the label names."""

    labeled: Labeled
    unlabeled: Unlabeled
    names: np.ndarray
    seed: int
    test: Labeled
    texts: Texts
    written: Callable[[Recipe], Advice | None]        # of these labels, by a language model


@dataclass(frozen=True)
class Score:
    """How an arm's head did on the test split."""

    accuracy: float
    macro_f1: float
    ece: float
    seconds: float
    answers: np.ndarray                               # (n,) of the test split
    choice: Choice | None = None
    share_belonging: float | None = None              # of the selected foreign texts, those of this set


def labels_only(draw: Draw, recipe: Recipe) -> Head:
    return learn_supervised(draw.labeled, recipe.head, draw.seed)


def eda(draw: Draw, recipe: Recipe) -> Head:
    """Edits of the labeled texts that preserve their class are parts of a label."""
    texts, asked = draw.texts, recipe.augmentation
    synonyms = synonyms_of(asked, texts.labeled, texts.unlabeled, texts.embed)
    views = views_of(texts.labeled, draw.labeled, [Eda(synonyms, asked.share)], texts.embed, synonyms, asked,
                     recipe.head, draw.seed).advice(draw.labeled, asked.weight)
    return labels_only(draw, recipe) if views is None else learn_with_views(draw.labeled, views, recipe.head, draw.seed)


def edits_of_bank(draw: Draw, recipe: Recipe) -> np.ndarray:
    """Return (N, k, d) strong views of the bank that keep what a head on the labels guesses."""
    texts, asked = draw.texts, recipe.augmentation
    synonyms = synonyms_of(asked, texts.unlabeled, texts.unlabeled, texts.embed)
    return strong_views(texts.unlabeled, draw.unlabeled.vectors, Eda(synonyms, asked.share), N_STRONG_VIEWS,
                        labels_only(draw, recipe).probs, texts.embed, synonyms, asked.min_share, draw.seed)


def names_as_labels(draw: Draw, recipe: Recipe) -> Head:
    """Each label's name is one more labeled text of its class."""
    return learn_supervised(draw.labeled.with_names(draw.names), recipe.head, draw.seed)


def consistent(method: str, is_edited: bool = False) -> Callable[[Draw, Recipe], Head]:
    def arm(draw: Draw, recipe: Recipe) -> Head:
        views = edits_of_bank(draw, recipe) if is_edited else None
        asked = ConsistencyRecipe(method=method)  # type: ignore[arg-type]
        linear = learn_consistent(draw.labeled, draw.unlabeled.vectors, asked, draw.seed, views)
        logits = logits_of(linear, draw.labeled.vectors)
        temperature = max(fit_soft_temperature(logits, np.eye(draw.labeled.n_classes)[draw.labeled.classes]), 1.0)
        return Head(np.ascontiguousarray(linear[:, :-1]), linear[:, -1].copy(), temperature,
                    prototypes_of(draw.labeled), {})

    return arm


def tfidf(draw: Draw) -> np.ndarray:
    return answers_of_tfidf(draw.texts.labeled, draw.labeled.classes, draw.labeled.n_classes, draw.texts.unlabeled,
                            draw.texts.test)


def by_sentences(draw: Draw) -> np.ndarray:
    """Read a text by its nearness to label names and descriptions; nothing is learned."""
    language = "ko" if any(map(is_korean, draw.texts.labels)) else "en"
    labeler = SentenceLabeler(draw.texts.embed, draw.texts.labels, prompts_for(packaged_specs(), language).label[0])
    return labeler.read(draw.texts.test, unlabeled([])).probs


ARMS: dict[str, Callable[[Draw, Recipe], Head]] = {
    "labels": labels_only, "templates": names_as_labels, "eda": eda, "pi": consistent("pi-model"),
    "fixmatch": consistent("fixmatch"), "softmatch": consistent("softmatch"),
    "softmatch-eda": consistent("softmatch", is_edited=True),
}


def out_of_domain(draw: Draw, recipe: Recipe) -> tuple[Learned, float | None]:
    """Learn from texts selected among foreign ones; return the share of the selected that are of this set, if any."""
    if not draw.texts.foreign:
        raise HyperMatchError("arm ossl has no foreign texts", "name some with --foreign FILE")
    pool = draw.texts.embed(draw.texts.foreign)
    names = draw.names if name_evidence(draw.names, draw.labeled).is_convincing else None
    selected = select(draw.labeled, names, pool, recipe.out_of_domain, draw.seed)
    belongs = selected.rows >= len(pool) - draw.texts.n_hidden
    learned = learn(draw.labeled, Unlabeled(pool[selected.rows]), draw.names, recipe.head,
                    recipe.out_of_domain.taught_with(recipe.in_domain), draw.seed)
    return learned, float(belongs.mean()) if len(belongs) else None


def in_domain(draw: Draw, recipe: Recipe, advice: Advice | None = None) -> Learned:
    """Learn from the bank, and from label names alone where there is no label."""
    if not len(draw.labeled):
        return learn_from_names(draw.names, draw.unlabeled.vectors, recipe.head, recipe.in_domain, draw.seed, advice)
    return learn(draw.labeled, draw.unlabeled, draw.names, recipe.head, recipe.in_domain, draw.seed, advice)


def fine_tuned(draw: Draw, recipe: Recipe) -> np.ndarray:
    """Tune the encoder on all labels and the bank, whatever held-out labels would say; return answers to the test."""
    always = replace(recipe.fine_tuning, use="always", n_asked_folds=0)
    recipe = replace(recipe, seed=draw.seed, fine_tuning=always)
    texts, n_labeled = draw.texts, len(draw.labeled)
    speaks = name_evidence(draw.names, draw.labeled).is_convincing
    subject = Subject(texts.labeled, draw.labeled.classes, texts.unlabeled, [spoken(label) for label in texts.labels],
                      speaks)
    sight = Sight(np.concatenate([draw.labeled.vectors, draw.unlabeled.vectors]), draw.names)
    learned = learn(draw.labeled, Unlabeled(sight.texts[n_labeled:]), draw.names, recipe.head, recipe.in_domain,
                    draw.seed)
    with StepBar() as bar:
        encoder, learned = fine_tune(Workshop(texts.encoder, texts.cache, 0, bar.report), sight, subject, learned,
                                     recipe)
    embedder = Embedder.of(encoder, texts.cache)
    return learned.head.probs(embedder.embed(texts.test))


BASELINES: dict[str, Callable[[Draw], np.ndarray]] = {"tfidf": tfidf, "sentences": by_sentences}
FOREIGN = ("ossl",)                                   # what selected foreign texts teach, where the labels choose it
TUNED = ("finetuned",)                                # minutes per draw without a GPU, so it is never on by itself
CHOSEN = ("issl", "hypermatch")                       # in-domain learning always, and where the labels choose it
WRITTEN = ("lm", "hypermatch-lm")                     # the same with texts that a language model wrote
SHIPPING = ("hypermatch", "hypermatch-lm")            # arms that choose what to ship
BEGINNERS = ("sentences", "templates", *CHOSEN, *WRITTEN)    # arms that need no label at all


def score_all(arms: Sequence[str], draw: Draw, recipe: Recipe) -> dict[str, Score]:
    """Learn by each arm and measure; `issl` and `hypermatch` come of one run, the latter being what it chose."""
    scores, test = {}, draw.test
    for arm in arms:
        begun = time.perf_counter()
        if arm in BASELINES:
            probs = BASELINES[arm](draw)
            scores[arm] = _score(probs, test, time.perf_counter() - begun)
        elif arm in ARMS:
            head = ARMS[arm](draw, recipe)
            scores[arm] = _score(head.probs(test.vectors), test, time.perf_counter() - begun)
    if "ossl" in arms:
        begun = time.perf_counter()
        learned, share = out_of_domain(draw, recipe)
        probs = learned.head.probs(test.vectors)
        scores["ossl"] = _score(probs, test, time.perf_counter() - begun, learned.choice, share)
    if "finetuned" in arms:
        begun = time.perf_counter()
        scores["finetuned"] = _score(fine_tuned(draw, recipe), test, time.perf_counter() - begun)
    if set(arms) & set(CHOSEN):
        begun = time.perf_counter()
        learned = in_domain(draw, recipe)
        seconds = time.perf_counter() - begun
        if "issl" in arms:
            scores["issl"] = _score((learned.in_domain or learned.labels_only).probs(test.vectors), test, seconds)
        if "hypermatch" in arms:
            scores["hypermatch"] = _score(learned.head.probs(test.vectors), test, seconds, learned.choice)
    if set(arms) & set(WRITTEN):
        begun = time.perf_counter()
        learned = in_domain(draw, recipe, draw.written(recipe))
        seconds = time.perf_counter() - begun
        if "lm" in arms:
            always = learned.advised or learned.in_domain or learned.labels_only
            scores["lm"] = _score(always.probs(test.vectors), test, seconds)
        if "hypermatch-lm" in arms:
            scores["hypermatch-lm"] = _score(learned.head.probs(test.vectors), test, seconds, learned.choice)
    return scores


def _score(probs: np.ndarray, test: Labeled, seconds: float, choice: Choice | None = None,
           share_belonging: float | None = None) -> Score:
    answers = Answers(probs, test.classes)
    guesses = answers.probs.argmax(axis=1)
    return Score(float((guesses == test.classes).mean()), float(macro_f1_of(test.classes, guesses, test.n_classes)),
                 float(ece(answers)), seconds, guesses, choice, share_belonging)
