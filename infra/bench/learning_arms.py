"""The arms of the learning benchmark: ways to learn from the same labels, bank and label names."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from registry.errors import HyperMatchError
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.embedder import Embedder
from trainer.encoders.encoder import Encoder
from trainer.evaluation import Answers, ece, macro_f1_of
from trainer.fine_tuning.engine import Workshop, fine_tune
from trainer.fine_tuning.rounds import Sight, Subject
from trainer.learning.calibration import fit_soft_temperature
from trainer.learning.choice import Choice
from trainer.learning.consistency import ConsistencyRecipe, learn_consistent
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.head import Head, logits_of, prototypes_of
from trainer.learning.label_names import name_evidence
from trainer.learning.learn import Learned, learn
from trainer.learning.selection import select
from trainer.learning.supervised import learn_supervised
from trainer.learning.tfidf import answers_of_tfidf
from trainer.progress import StepBar
from trainer.recipe import Recipe


@dataclass(frozen=True)
class Texts:
    """The texts behind a draw's vectors, for the arms that read or write texts."""

    labeled: list[str]
    unlabeled: list[str]
    test: list[str]
    foreign: list[str]                                # of other sets, some of this one hidden among them
    n_hidden: int                                     # the last so many of `foreign` are of this set
    embed: Callable[[list[str]], np.ndarray]
    names: list[str]                                  # the label names as words
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


def names_as_labels(draw: Draw, recipe: Recipe) -> Head:
    """Each label's name is one more labeled text of its class."""
    labeled = draw.labeled
    both = Labeled(np.concatenate([labeled.vectors, draw.names]),
                   np.concatenate([labeled.classes, np.arange(labeled.n_classes)]), labeled.n_classes)
    return learn_supervised(both, recipe.head, draw.seed)


def consistent(method: str) -> Callable[[Draw, Recipe], Head]:
    def arm(draw: Draw, recipe: Recipe) -> Head:
        linear = learn_consistent(draw.labeled, draw.unlabeled.vectors,
                                  ConsistencyRecipe(method=method), draw.seed)  # type: ignore[arg-type]
        logits = logits_of(linear, draw.labeled.vectors)
        temperature = max(fit_soft_temperature(logits, np.eye(draw.labeled.n_classes)[draw.labeled.classes]), 1.0)
        return Head(np.ascontiguousarray(linear[:, :-1]), linear[:, -1].copy(), temperature,
                    prototypes_of(draw.labeled), {})

    return arm


def tfidf(draw: Draw) -> np.ndarray:
    return answers_of_tfidf(draw.texts.labeled, draw.labeled.classes, draw.labeled.n_classes, draw.texts.unlabeled,
                            draw.texts.test)


ARMS: dict[str, Callable[[Draw, Recipe], Head]] = {
    "labels": labels_only, "templates": names_as_labels, "pi": consistent("pi-model"),
    "fixmatch": consistent("fixmatch"), "softmatch": consistent("softmatch"),
}
def out_of_domain(draw: Draw, recipe: Recipe) -> tuple[Learned, float]:
    """Learn from texts selected among foreign ones; return the share of the selected that are of this set, too."""
    if not draw.texts.foreign:
        raise HyperMatchError("arm ossl has no foreign texts", "name some with --foreign FILE")
    pool = draw.texts.embed(draw.texts.foreign)
    names = draw.names if name_evidence(draw.names, draw.labeled).is_convincing else None
    selected = select(draw.labeled, names, pool, recipe.out_of_domain, draw.seed)
    belongs = selected.rows >= len(pool) - draw.texts.n_hidden
    learned = learn(draw.labeled, Unlabeled(pool[selected.rows]), draw.names, recipe.head, recipe.in_domain, draw.seed)
    return learned, float(belongs.mean())


def fine_tuned(draw: Draw, recipe: Recipe) -> np.ndarray:
    """Tune the encoder on all labels and the bank, whatever held-out labels would say; return answers to the test."""
    always = replace(recipe.fine_tuning, use="always", n_asked_folds=0)
    recipe = replace(recipe, seed=draw.seed, fine_tuning=always)
    texts, n_labeled = draw.texts, len(draw.labeled)
    speaks = name_evidence(draw.names, draw.labeled).is_convincing
    subject = Subject(texts.labeled, draw.labeled.classes, texts.unlabeled, texts.names, speaks)
    sight = Sight(np.concatenate([draw.labeled.vectors, draw.unlabeled.vectors]), draw.names)
    learned = learn(draw.labeled, Unlabeled(sight.texts[n_labeled:]), draw.names, recipe.head, recipe.in_domain,
                    draw.seed)
    with StepBar() as bar:
        encoder, learned = fine_tune(Workshop(texts.encoder, texts.cache, 0, bar.report), sight, subject, learned,
                                     recipe)
    embedder = Embedder(encoder, body_of(encoder, texts.cache), EmbeddingCache(texts.cache, encoder.digest))
    return learned.head.probs(embedder.embed(texts.test))


BASELINES: dict[str, Callable[[Draw], np.ndarray]] = {"tfidf": tfidf}
FOREIGN = ("ossl",)                                   # what selected foreign texts teach, where the labels choose it
TUNED = ("finetuned",)                                # minutes per draw without a GPU, so it is never on by itself
CHOSEN = ("issl", "hypermatch")                       # in-domain learning always, and where the labels choose it


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
        learned = learn(draw.labeled, draw.unlabeled, draw.names, recipe.head, recipe.in_domain, draw.seed)
        seconds = time.perf_counter() - begun
        if "issl" in arms:
            scores["issl"] = _score((learned.in_domain or learned.labels_only).probs(test.vectors), test, seconds)
        if "hypermatch" in arms:
            scores["hypermatch"] = _score(learned.head.probs(test.vectors), test, seconds, learned.choice)
    return scores


def _score(probs: np.ndarray, test: Labeled, seconds: float, choice: Choice | None = None,
           share_belonging: float | None = None) -> Score:
    answers = Answers(probs, test.classes)
    guesses = answers.probs.argmax(axis=1)
    return Score(float((guesses == test.classes).mean()), float(macro_f1_of(test.classes, guesses, test.n_classes)),
                 float(ece(answers)), seconds, guesses, choice, share_belonging)
