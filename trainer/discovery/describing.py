"""Describes groups for a person: key terms, exemplars, boundary texts, parts, trend."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer

from trainer.discovery.metric import unit

CENTRAL_SHARE = 0.4                                   # of the exemplars are the most central, the others drawn from all
CORE_SHARE = 0.8                                      # of a group that exemplars are drawn from, nearest first
MAX_TERMS = 20_000
COMMON = 0.04                                         # of the texts outside a group: such words tell nothing of it
N_TREND = 8                                           # spans of time that a trend is told in
WORD = re.compile(r"(?u)\b\w\w+\b")


def key_terms(groups: Sequence[Sequence[str]], background: Sequence[str], n_terms: int) -> list[list[str]]:
    """Return the words and word pairs that set each group of texts apart, the most telling first (class TF-IDF).

    A term counts by its share of the group's terms times how rare it is over all groups
    and the `background`. What stands in many texts outside the group says nothing of it.
    """
    told = [texts for texts in (*groups, background) if texts]
    counter = CountVectorizer(ngram_range=(1, 2), max_features=MAX_TERMS, token_pattern=WORD.pattern, binary=True)
    try:
        counter.fit(text for texts in told for text in texts)
    except ValueError:                                # no text has a word of two letters
        return [[] for _ in groups]
    names = counter.get_feature_names_out()
    counts = np.stack([np.asarray(counter.transform(texts).sum(axis=0)).ravel() for texts in told]).astype(np.float64)
    rarity = np.log(1 + counts.sum() / len(told) / counts.sum(axis=0))
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    sizes, found = np.array([len(texts) for texts in told]), []
    for number, texts in enumerate(groups):
        outside = (counts.sum(axis=0) - counts[number]) / max(sizes.sum() - sizes[number], 1)
        common = {str(name) for name in names[outside > COMMON]}
        score = np.where(counts[number] >= min(2, len(texts)), share[number] * rarity, 0)
        order = [str(names[each]) for each in np.argsort(-score, kind="stable")[: 20 * n_terms] if score[each] > 0]
        telling = [term for term in order if not common & {term, *term.split()}]
        found.append(_without_parts(telling or order)[:n_terms])
    return found


def exemplars(points: np.ndarray, center: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return up to `n` rows: the most central first, then some drawn from all of the group's core.

    Central texts alone would teach, and judge, only what is easy.
    """
    order = np.argsort(-(points @ center), kind="stable")
    n_central = min(round(CENTRAL_SHARE * n), len(order))
    core = order[n_central : max(round(CORE_SHARE * len(order)), n_central)]
    drawn = np.random.default_rng(seed).permutation(core)[: max(n - n_central, 0)]
    return np.concatenate([order[:n_central], drawn])


def boundary(own: np.ndarray, others: np.ndarray, n: int) -> np.ndarray:
    """Return the rows whose membership `own` (n,) is nearest to that of the best other group."""
    return np.argsort(own - others, kind="stable")[:n]


def halves(points: np.ndarray, seed: int) -> np.ndarray:
    """Return the part, 0 or 1, that each text of a group falls into when it is cut in two."""
    return np.asarray(KMeans(2, n_init=4, random_state=seed).fit_predict(points))


def cohesion(points: np.ndarray) -> float:
    """Return the mean cosine of the texts to their center."""
    return float((points @ unit(points.sum(axis=0, keepdims=True))[0]).mean())


def flat(points: np.ndarray) -> np.ndarray:
    """Return a place on a map for each point, (n, 2): the two directions in which the points vary most."""
    if len(points) < 3:
        return np.zeros((len(points), 2))
    return np.asarray(PCA(2, svd_solver="full" if len(points) < 50 else "covariance_eigh").fit_transform(points))


def trend(at: Sequence[datetime], since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return how many texts came in each of equal spans of time."""
    span = max((until - since) / N_TREND, timedelta(microseconds=1))
    counts = np.bincount([min(int((each - since) / span), N_TREND - 1) for each in at], minlength=N_TREND)
    return [{"from": (since + number * span).isoformat(timespec="seconds"), "n_texts": int(count)}
            for number, count in enumerate(counts)]


def _without_parts(terms: list[str]) -> list[str]:
    """Drop a term whose words all stand in a better one, or that holds a better one."""
    kept: list[str] = []
    for term in terms:
        words = set(term.split())
        if not any(words <= set(better.split()) or set(better.split()) <= words for better in kept):
            kept.append(term)
    return kept
