"""Streams to look for drift in: a labeled, dated file as vectors, stable streams drawn from it, and planted drifts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from infra.bench.learning import encoder_for, read_table
from registry.text import normalize
from trainer.drift.observed import Observed
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.learning.embedded import Labeled
from trainer.learning.supervised import learn_supervised
from trainer.recipe import Recipe

MAX_CHARS = 600                                       # of a text; petitions are long, and embedding them twice as much
MAX_ENCODER_TEXTS = 10_000
MAX_HEAD_LABELS = 2_000
RUN_TEXTS = 10                                        # neighbors that a stable stream keeps together
ANOTHER_DOMAIN = Path(__file__).parents[1] / "demo/banking77.parquet"


@dataclass(frozen=True)
class Texts:
    """Texts in order of date, embedded, with the classes people gave them."""

    texts: list[str]
    vectors: np.ndarray
    classes: np.ndarray
    labels: list[str]
    dates: list[str]
    is_train: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Texts":
        return Texts([self.texts[row] for row in rows], self.vectors[rows], self.classes[rows], self.labels,
                     [self.dates[row] for row in rows], self.is_train[rows])


@dataclass(frozen=True)
class Stream:
    """Texts as a model that knows `known` classes sees them, and texts of another domain seen by the same."""

    observed: Observed
    classes: np.ndarray
    strange: Observed


def read_texts(file: Path, cache: Path, threads: int, report: Callable[[str, float], None]) -> tuple[Texts, np.ndarray]:
    """Read and embed a file, and with the same encoder texts of another domain."""
    frame = read_table(file)
    frame = frame.dropna(subset=["text", "label"])
    frame = frame[frame["label"] != ""]
    has_dates = "date" in frame
    frame = frame.sort_values("date", kind="stable") if has_dates else frame.sample(frac=1, random_state=0)
    texts = [normalize(text)[:MAX_CHARS] for text in frame["text"].astype(str)]
    is_train = (frame["split"] == "train").to_numpy()
    recipe = replace(Recipe(), encoder=encoder_for(file))
    encoder = open_encoder(recipe, [text for text, ours in zip(texts, is_train, strict=True) if ours]
                           [:MAX_ENCODER_TEXTS], cache, lambda done: report("encoder", done))
    embedder = Embedder.of(encoder, cache, threads)
    labels = sorted(frame["label"].unique())
    numbers = {label: number for number, label in enumerate(labels)}
    found = Texts(texts, embedder.embed(texts, lambda done: report("embedding", done)),
                  frame["label"].map(numbers).to_numpy(np.int64), labels,
                  [str(date)[:10] for date in frame["date"]] if has_dates else [""] * len(texts), is_train)
    return found, embedder.embed(strange_texts())


def strange_texts() -> list[str]:
    return list(pd.read_parquet(ANOTHER_DOMAIN)["text"].head(500))


def stream_of(texts: Texts, strange: np.ndarray, recipe: Recipe, teach: np.ndarray, known: np.ndarray,
              seed: int) -> Stream:
    """Let a head that learned rows `teach` of the `known` classes answer every text."""
    rows = teach[np.isin(texts.classes[teach], known)]
    rows = np.random.default_rng(seed).permutation(rows)[:MAX_HEAD_LABELS]
    classes = np.searchsorted(known, texts.classes[rows])
    head = learn_supervised(Labeled(texts.vectors[rows], classes, len(known)), recipe.head, seed)

    def observed(words: list[str], vectors: np.ndarray) -> Observed:
        novelty = 1 - (vectors @ head.prototypes.T).max(axis=1)
        return Observed(words, [""] * len(words), vectors, head.probs(vectors), novelty)

    return Stream(observed(texts.texts, texts.vectors), texts.classes, observed(strange_texts(), strange))


def resampled(pool: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """Draw runs of neighbors with replacement until there are n rows: stable by construction, yet neighbors agree."""
    starts = generator.integers(0, max(len(pool) - RUN_TEXTS, 1), n // RUN_TEXTS + 2)
    rows = (starts[:, None] + np.arange(min(RUN_TEXTS, len(pool)))).reshape(-1)
    shift = int(generator.integers(0, RUN_TEXTS))     # runs do not begin where blocks begin
    return pool[rows[shift : shift + n]]


def planted(stream: Stream, pool: np.ndarray, kind: str, size: float, n: int, generator: np.random.Generator,
            new_class: int) -> Observed:
    """Return a window of a stream that changed; for `novel` the pool's model must not know `new_class`."""
    classes, known = stream.classes, pool[stream.classes[pool] != new_class] if kind == "novel" else pool
    rows = resampled(known, n, generator)
    counts = np.bincount(classes[known])
    if kind == "vanish":
        gone = int(np.argsort(-counts)[len(counts[counts > 0]) // 2])
        rows = resampled(known[classes[known] != gone], n, generator)
    elif kind == "priors":
        favored = np.isin(classes[known], np.flatnonzero(counts)[::2])
        weights = np.where(favored, size, 1.0)
        rows = generator.choice(known, n, p=weights / weights.sum())
    elif kind == "novel":
        rows = rows.copy()
        places = generator.permutation(n)[: round(size * n)]
        rows[places] = generator.choice(pool[classes[pool] == new_class], len(places))
    window = stream.observed.take(rows)
    return _mixed(window, stream.strange, size, generator) if kind == "domain" else window


def _mixed(window: Observed, strange: Observed, share: float, generator: np.random.Generator) -> Observed:
    n = len(window)
    where, which = generator.permutation(n)[: round(share * n)], generator.integers(0, len(strange), round(share * n))
    texts, vectors = list(window.texts), window.vectors.copy()
    probs, novelty = window.probs.copy(), window.novelty.copy()
    for place, row in zip(where, which, strict=True):
        texts[place] = strange.texts[row]
    vectors[where], probs[where], novelty[where] = strange.vectors[which], strange.probs[which], strange.novelty[which]
    return Observed(texts, window.sources, vectors, probs, novelty)
