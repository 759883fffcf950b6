"""What moved most, in words, clusters, labels and sources, with examples of both sides."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from trainer.drift.counts import N_WORDS, Counts
from trainer.drift.lens import Lens
from trainer.drift.observed import Observed
from trainer.drift.report import Moved
from trainer.drift.sketches import Sketch

KINDS: dict[str, Literal["word", "cluster", "label", "source"]] = {
    "words": "word", "clusters": "cluster", "labels": "label", "sources": "source"}
N_PER_KIND = 8
MIN_WORD_Z = 4.0                                      # of rows, which are not independent, and of many words
MIN_Z = 2.0                                           # less is noise, whatever else moved
MAX_EXAMPLE_CHARS = 300


def explain(lens: Lens, labels: Sequence[str], reference: Sketch, window: Sketch,
            centers: Sequence[str]) -> list[Moved]:
    """Return, per kind, what moved most beyond the noise of block means; `centers` names the clusters."""
    names = {"words": lens.words, "clusters": centers, "labels": labels, "sources": [*lens.sources, "another source"]}
    return [moved for part, kind in KINDS.items() for moved in _most(kind, names[part], reference, window, part)]


def _most(kind: Literal["word", "cluster", "label", "source"], names: Sequence[str], reference: Sketch, window: Sketch,
          part: str) -> list[Moved]:
    before, now = reference.means[part], window.means[part]
    error = np.sqrt(before.var(axis=0) * (1 / len(before) + 1 / len(now))).clip(min=1e-3)
    z = (now.mean(axis=0) - before.mean(axis=0)) / error
    order = np.argsort(-np.abs(z))[:N_PER_KIND]
    return [Moved(kind, names[i], round(float(before[:, i].mean()), 4), round(float(now[:, i].mean()), 4),
                  round(float(z[i]), 2)) for i in order if abs(z[i]) >= MIN_Z]


def moved_words(before: Counts, now: Counts, known: Sequence[str]) -> list[Moved]:
    """Return words beyond the `known` ones of the lens that moved most among all rows, those never seen before too.

    A word beyond the commonest of one side is taken to be as common there as the last of them:
    it is told only if it moved even so.
    """
    if not before.n_texts or not now.n_texts:
        return []
    passed = set(known)
    found = [_moved_word(word, before, now) for word in sorted({*before.words, *now.words} - passed)]
    found.sort(key=lambda moved: -abs(moved.z))
    return [moved for moved in found[:N_PER_KIND] if abs(moved.z) >= MIN_WORD_Z]


def _moved_word(word: str, before: Counts, now: Counts) -> Moved:
    then, since = _at_most(before, word, now), _at_most(now, word, before)
    both = (then * before.n_texts + since * now.n_texts) / (before.n_texts + now.n_texts)
    error = max(float(np.sqrt(both * (1 - both) * (1 / before.n_texts + 1 / now.n_texts))), 1e-6)
    return Moved("word", word, round(then, 4), round(since, 4), round((since - then) / error, 2))


def _at_most(counts: Counts, word: str, other: Counts) -> float:
    """Return the share of a word; where its count was not kept, what it can be at most, up to the other side's."""
    if word in counts.words or len(counts.words) < N_WORDS:
        return counts.share("words", word)
    return min(min(counts.words.values()) / counts.n_texts, other.share("words", word))


def examples(lens: Lens, reference: Sketch, window: Sketch, texts: Observed, n: int) -> list[str]:
    """Return the texts of clusters that grew most from one side to the other, far and wide before one cluster alone."""
    grown = window.means["clusters"].mean(axis=0) - reference.means["clusters"].mean(axis=0)
    score = grown[lens.cluster_of(texts.vectors)] + 0.1 * texts.novelty
    return [texts.texts[row][:MAX_EXAMPLE_CHARS] for row in np.argsort(-score, kind="stable")[:n]]


def name_clusters(lens: Lens, observed: Observed) -> list[str]:
    """Name each cluster by its most central text."""
    nearest = (observed.vectors @ lens.centers.T).argmax(axis=0)
    return [observed.texts[row][:80] for row in nearest]
