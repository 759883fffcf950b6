"""Measures what unlabeled texts are worth: every arm on the same few labels, the rest of the train split as bank."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd

from infra.bench.learning_arms import Draw, Score, Texts, score_all
from registry.errors import HyperMatchError
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.label_names import spoken
from trainer.recipe import Recipe

CURVE_FACTOR = 2                                      # from one size of the labels-only curve to the next
N_CURVE_DRAWS = 3
HIDDEN_SHARE = 0.1                                    # of the set's own texts among the foreign ones
NOISE_SIGMAS = 2.0                                    # a cell is harmful beyond this many standard errors

N_SCRIPT_TEXTS = 500                                  # enough to tell the script of a data set

Say = Callable[[str], None]


@dataclass(frozen=True)
class Split:
    """A labeled data set: the pool that labels are drawn from, the test split, and the label names."""

    pool: Labeled
    test: Labeled
    names: np.ndarray
    labels: list[str]
    pool_texts: list[str]
    test_texts: list[str]
    foreign: list[str]
    embed: Callable[[list[str]], np.ndarray]


def measure(split: Split, recipe: Recipe, *, per_class: Sequence[int], n_draws: int, arms: Sequence[str],
            say: Say) -> dict[str, Any]:
    """Return cells, multipliers on the labels-only curve, what the choice shipped, and how often that did harm."""
    cells, shipped = [], []
    for size in per_class:
        for number in range(n_draws):
            draw = draw_of(split, size, number)
            scores = score_all(["labels", *(arm for arm in arms if arm != "labels")], draw, recipe)
            cells += [_cell(size, number, arm, found) for arm, found in scores.items()]
            if "hypermatch" in scores:
                shipped.append(_shipped(size, number, scores["hypermatch"], scores["labels"]))
            say(f"{size} per class, draw {number}: " + ", ".join(
                f"{arm} {found.accuracy:.3f}" for arm, found in scores.items()))
    curve = labels_only_curve(split, recipe, per_class, n_draws, cells, say)
    return {
        "n_classes": len(split.labels), "n_bank": len(split.pool), "n_test": len(split.test),
        "cells": cells, "curve": {str(size): round(found, 4) for size, found in curve.items()},
        "multipliers": multipliers(cells, curve), "shipped": shipped, "harmful": len(harmful(shipped)),
    }


def draw_of(split: Split, per_class: int, number: int) -> Draw:
    """Give every arm one draw of the labels, and the rest of the pool without them."""
    drawn, others = drawn_rows(split.pool, per_class, number)
    return Draw(split.pool.take(drawn), Unlabeled(split.pool.vectors[others]), split.names, number, split.test,
                Texts([split.pool_texts[row] for row in drawn], [split.pool_texts[row] for row in others],
                      split.test_texts, *_hidden(split, others, number), split.embed))


def drawn_rows(pool: Labeled, per_class: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `per_class` labels of each class, or all of a smaller class; draws of one number are nested.

    Return the rows drawn and all others, in the order of the pool.
    """
    order = np.random.default_rng(number).permutation(len(pool))
    rank = np.empty(len(pool), np.int64)              # how many of its class come before a text
    for klass in range(pool.n_classes):
        rows = order[pool.classes[order] == klass]
        rank[rows] = np.arange(len(rows))
    return np.flatnonzero(rank < per_class), np.flatnonzero(rank >= per_class)


def _hidden(split: Split, others: np.ndarray, seed: int) -> tuple[list[str], int]:
    """Return the foreign texts with some unlabeled ones of the set behind them, and how many those are."""
    n = round(len(split.foreign) * HIDDEN_SHARE)
    hidden = [split.pool_texts[row] for row in np.random.default_rng(seed).permutation(others)[:n]]
    return split.foreign + hidden, len(hidden)


def labels_only_curve(split: Split, recipe: Recipe, per_class: Sequence[int], n_draws: int,
                      cells: Sequence[dict[str, Any]], say: Say) -> dict[int, float]:
    """Return labels per class -> mean accuracy of labels only, on to the full train split."""
    curve = {size: mean(_of(cells, "labels", size)) for size in per_class}
    largest, size = int(split.pool.counts().max()), max(per_class)
    while size < largest:
        size = min(size * CURVE_FACTOR, largest)
        draws = range(1 if size == largest else min(N_CURVE_DRAWS, n_draws))
        curve[size] = mean(score_all(["labels"], draw_of(split, size, number), recipe)["labels"].accuracy
                           for number in draws)
        say(f"{size} per class, labels only: {curve[size]:.3f}")
    return dict(sorted(curve.items()))


def multipliers(cells: Sequence[dict[str, Any]], curve: dict[int, float]) -> dict[str, dict[str, float]]:
    """Return, per arm and size, how many times the labels the labels-only arm needs for the same accuracy."""
    arms = sorted({cell["arm"] for cell in cells} - {"labels"})
    sizes = sorted({cell["per_class"] for cell in cells})
    return {arm: {str(size): round(labels_for(mean(_of(cells, arm, size)), curve) / size, 2) for size in sizes}
            for arm in arms}


def labels_for(accuracy: float, curve: dict[int, float]) -> float:
    """Interpolate the curve, log-linear in labels; beyond its ends the end is returned, so no figure is invented."""
    sizes = np.array(sorted(curve), float)
    reached = np.maximum.accumulate([curve[int(size)] for size in sizes])
    rising = np.concatenate([[True], np.diff(reached) > 0])
    return float(np.exp(np.interp(accuracy, reached[rising], np.log(sizes[rising]))))


def harmful(shipped: Sequence[dict[str, Any]]) -> list[int]:
    """Return the sizes at which what was shipped is, over all draws, worse than labels only by more than noise."""
    found = []
    for size in sorted({each["per_class"] for each in shipped}):
        rows = [each for each in shipped if each["per_class"] == size]
        gains = [each["accuracy"] - each["labels_only"] for each in rows]
        spread = stdev(gains) ** 2 / len(gains) if len(gains) > 1 else 0.0
        sampling = mean(each["disagree"] for each in rows) / rows[0]["n_test"]
        if mean(gains) < -NOISE_SIGMAS * (spread + sampling) ** 0.5:
            found.append(size)
    return found


def read_split(file: Path, recipe: Recipe, cache: Path, *, max_bank: int, max_test: int, without: Sequence[str],
               foreign: Sequence[Path], threads: int, report: Callable[[str, float], None]) -> Split:
    """Read columns text, label, split and embed; larger splits are sampled with a fixed seed.

    Texts of the test split that also occur in train are left out of it.
    """
    train, test = _frames(file, without)
    train, test = _sampled(train, max_bank), _sampled(test[~test["text"].isin(set(train["text"]))], max_test)
    labels = sorted(train["label"].unique())
    numbers = {label: number for number, label in enumerate(labels)}
    test = test[test["label"].isin(numbers)]
    texts = list(train["text"])
    encoder = open_encoder(recipe, texts, cache, lambda done: report("encoder", done))
    embedder = Embedder(encoder, body_of(encoder, cache), EmbeddingCache(cache, encoder.digest), threads)

    def labeled(frame: pd.DataFrame) -> Labeled:
        vectors = embedder.embed(list(frame["text"]), lambda done: report("embedding", done))
        return Labeled(vectors, frame["label"].map(numbers).to_numpy(np.int64), len(labels))

    return Split(labeled(train), labeled(test), embedder.embed([spoken(label) for label in labels]), labels,
                 texts, list(test["text"]), _foreign(foreign, max_bank, set(texts)), embedder.embed)


def read_outside(file: Path, label: str) -> dict[str, list[str]]:
    """Return the test texts of `label`, which belong to no class, by their kind: column `<label>_kind`, if any."""
    frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    frame = frame[(frame["split"] == "test") & (frame["label"] == label)]
    kinds = frame[f"{label}_kind"] if f"{label}_kind" in frame else frame["label"]
    return {str(kind): list(rows["text"].astype(str)) for kind, rows in frame.groupby(kinds)}


def _foreign(files: Sequence[Path], most: int, own: set[str]) -> list[str]:
    """Return the texts of other sets, as many of each."""
    found: list[str] = []
    for file in files:
        frame = pd.read_parquet(file, columns=["text"]).dropna()
        found += list(_sampled(frame[~frame["text"].isin(own)], most // len(files))["text"].astype(str))
    return found


def encoder_for(file: Path) -> str:
    """Return `minilm`, which knows English, for texts in Latin letters, else `subword`, which learns from the bank."""
    texts = "".join(_frames(file, ())[0]["text"].head(N_SCRIPT_TEXTS))
    letters = [letter for letter in texts if letter.isalpha()]
    is_latin = sum(letter < "\u0250" for letter in letters) > len(letters) / 2
    return "minilm" if is_latin else "subword"


def _frames(file: Path, without: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    if missing := {"text", "label", "split"} - set(frame.columns):
        raise HyperMatchError(f"{file} lacks the column {sorted(missing)[0]!r}", "it needs text, label and split")
    frame = frame.dropna(subset=["text", "label"]).astype({"text": str, "label": str})
    frame = frame[(frame["label"] != "") & ~frame["label"].isin(list(without))]
    tests = [name for name in ("test", "valid") if (frame["split"] == name).any()]
    if not tests or not (frame["split"] == "train").any():
        raise HyperMatchError(f"{file} has no labeled rows of split 'train', or none of 'test' or 'valid'")
    return frame[frame["split"] == "train"], frame[frame["split"] == tests[0]]


def _sampled(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    return frame if len(frame) <= n else frame.sample(n, random_state=0).sort_index()


def _cell(size: int, number: int, arm: str, found: Score) -> dict[str, Any]:
    cell = {"per_class": size, "draw": number, "arm": arm, "accuracy": round(found.accuracy, 4),
            "macro_f1": round(found.macro_f1, 4), "ece": round(found.ece, 4), "seconds": round(found.seconds, 2)}
    return cell if found.share_belonging is None else cell | {"share_belonging": round(found.share_belonging, 4)}


def _shipped(size: int, number: int, found: Score, labels: Score) -> dict[str, Any]:
    assert found.choice is not None
    return {"per_class": size, "draw": number, "choice": found.choice.arm, "reason": found.choice.reason,
            "accuracy": round(found.accuracy, 4), "labels_only": round(labels.accuracy, 4),
            "disagree": round(float((found.answers != labels.answers).mean()), 4), "n_test": len(found.answers)}


def _of(cells: Sequence[dict[str, Any]], arm: str, size: int) -> list[float]:
    return [cell["accuracy"] for cell in cells if cell["arm"] == arm and cell["per_class"] == size]
