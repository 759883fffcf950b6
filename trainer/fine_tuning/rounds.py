"""Rounds of self-training: the bank is taught, the encoder learns that, the bank looks different, and again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from registry.text import normalize
from trainer.encoders.bodies import export_body
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.embedder import CHUNK_TEXTS, Embedder
from trainer.encoders.encoder import Encoder
from trainer.fine_tuning.job import Job
from trainer.fine_tuning.launch import done
from trainer.fine_tuning.lessons import lessons_of
from trainer.fine_tuning.tuned import head_of, tuned_encoder
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled
from trainer.learning.in_domain import Domain, Taught
from trainer.learning.neighborhood import neighborhood
from trainer.recipe import Recipe
from trainer.workplace import Report

TUNED_SHARE = 0.8                                     # of a round's time; the rest embeds the bank again


@dataclass(frozen=True)
class Subject:
    """What the encoder is tuned on: labeled texts and their classes (n,), the bank, and the label names as words."""

    labeled: list[str]
    classes: np.ndarray
    bank: list[str]
    names: list[str]
    speaks: bool                                      # whether human labels agree with the label names

    @cached_property
    def texts(self) -> list[str]:
        """Return all texts, labeled ones first, as serving would read them."""
        return [normalize(text) for text in self.labeled + self.bank]


@dataclass(frozen=True)
class Sight:
    """The subject as an encoder sees it: vectors (N, d) of its texts and (C, d) of its label names."""

    texts: np.ndarray
    names: np.ndarray

    def labeled(self, subject: Subject, rows: np.ndarray) -> Labeled:
        return Labeled(self.texts[rows], subject.classes[rows], len(subject.names))

    def domain(self, subject: Subject, recipe: Recipe, advice: Advice | None = None) -> Domain:
        vectors = self.texts if advice is None else np.concatenate([self.texts, advice.vectors])
        near = neighborhood(vectors, recipe.in_domain.n_neighbors)
        return Domain(near, self.names if subject.speaks else None, advice)

    def teach(self, subject: Subject, rows: np.ndarray, recipe: Recipe, advice: Advice | None = None) -> Taught:
        """Let the cached engine teach the bank from the labels at `rows`."""
        taught = self.domain(subject, recipe, advice).teach(rows, self.labeled(subject, rows), recipe.in_domain,
                                                            recipe.head, recipe.seed)
        return Taught(taught.linear, taught.pseudo_labels[: len(self.texts)])


@dataclass(frozen=True)
class Tuning:
    """An encoder after its rounds, and what it sees."""

    encoder: Encoder
    sight: Sight


def tune(base: Encoder, sight: Sight, subject: Subject, rows: np.ndarray, recipe: Recipe, cache: Path, threads: int,
         report: Report, advice: Advice | None = None) -> Tuning:
    """Tune `base`, which has this `sight`, from the labels at `rows` alone; texts of other labels count as bank.

    The same subject, recipe and seed tune the same; an interrupted tuning goes on where it was.
    """
    found = Tuning(base, sight)
    start: Path | None = None
    n_rounds = recipe.fine_tuning.n_rounds
    for number in range(n_rounds):
        taught = found.sight.teach(subject, rows, recipe, advice if number == 0 else None)
        own = None if start is None else head_of(start)
        lessons = lessons_of(subject.texts, found.sight.texts, rows, taught, own, recipe.fine_tuning)
        told = _part(report, number / n_rounds, TUNED_SHARE / n_rounds)
        start = done(cache, found.encoder, Job(recipe, start, recipe.seed + number, lessons), told)
        encoder = tuned_encoder(base, start)
        told = _part(report, (number + TUNED_SHARE) / n_rounds, (1 - TUNED_SHARE) / n_rounds)
        found = Tuning(encoder, seen_by(encoder, subject, cache, threads, told))
    return found


def seen_by(encoder: Encoder, subject: Subject, cache: Path, threads: int, report: Callable[[float], None]) -> Sight:
    """Embed the subject."""
    names = [normalize(name) for name in subject.names]
    vectors = vectors_of(encoder, subject.texts + names, cache, threads, report)
    return Sight(vectors[: len(subject.texts)], vectors[len(subject.texts) :])


def vectors_of(encoder: Encoder, texts: list[str], cache: Path, threads: int,
               report: Callable[[float], None]) -> np.ndarray:
    """Embed normalized texts; nothing is kept, as most tuned encoders are but steps to the next."""
    embedder = Embedder(encoder, export_body(encoder), EmbeddingCache(cache, encoder.digest), threads)
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]), reverse=True)
    parts = []
    for start in range(0, len(order), CHUNK_TEXTS):
        report(start / len(order))
        parts.append(embedder.compute([texts[row] for row in order[start : start + CHUNK_TEXTS]]))
    return np.asarray(np.concatenate(parts)[np.argsort(order)])


def _part(report: Report, begin: float, share: float) -> Callable[[float], None]:
    return lambda part: report("fine-tuning", begin + share * part)
