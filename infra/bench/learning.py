"""Measures what unlabeled texts are worth: every arm on the same few labels, the rest of the train split as bank."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from infra.bench.learning_arms import BEGINNERS, SHIPPING, Draw, Score, Texts, score_all
from infra.bench.worth import harmful, multipliers, scores_of, zero_data
from infra.bench.written import (
    WrittenTexts,
    advice_from,
    of_task,
    split_by_seed,
    stand_in_for,
    written_for,
)
from registry.errors import HyperMatchError
from trainer.encoders.embedder import Embedder
from trainer.encoders.encoder import Encoder
from trainer.encoders.kinds import open_encoder
from trainer.language_model.examples import Examples
from trainer.learning.advised import Advice
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.label_names import spoken
from trainer.recipe import Recipe

CURVE_FACTOR = 2                                      # from one size of the labels-only curve to the next
N_CURVE_DRAWS = 3
HIDDEN_SHARE = 0.1                                    # of the set's own texts among the foreign ones

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
    embed: Callable[[Sequence[str]], np.ndarray]
    encoder: Encoder                                  # what `embed` embeds with
    cache: Path
    seeds: list[str] | None = None                    # what each text of the pool was made of, where a model wrote it
    written: WrittenTexts | None = None


def measure(split: Split, recipe: Recipe, *, per_class: Sequence[int], n_draws: int, arms: Sequence[str],
            say: Say) -> dict[str, Any]:
    """Return cells, multipliers on the labels-only curve, what the choice shipped, and how often that did harm."""
    cells: list[dict[str, Any]] = []
    shipped: dict[str, list[dict[str, Any]]] = {arm: [] for arm in SHIPPING if arm in arms}
    for size in per_class:
        for number in range(n_draws):
            draw = draw_of(split, size, number)
            scores = score_all(_arms_for(size, arms), draw, recipe)
            cells += [_cell(size, number, arm, found) for arm, found in scores.items()]
            for arm in shipped if size else ():
                shipped[arm].append(_shipped(size, number, scores[arm], scores["labels"]))
            say(f"{size} per class, draw {number}: " + ", ".join(
                f"{arm} {found.accuracy:.3f}" for arm, found in scores.items()))
    curve = labels_only_curve(split, recipe, per_class, n_draws, cells, say)
    own, with_written = (shipped.get(arm, []) for arm in SHIPPING)
    found = {
        "n_classes": len(split.labels), "n_bank": len(split.pool), "n_test": len(split.test),
        "cells": cells, "curve": {str(size): round(found, 4) for size, found in curve.items()},
        "multipliers": multipliers(cells, curve), "zero_data": zero_data(cells, curve), "shipped": own,
        "harmful": len(harmful(own)),
    }
    if with_written:
        found["with_lm"] = {"shipped": with_written, "harmful": len(harmful(with_written))}
    return found


def _arms_for(size: int, arms: Sequence[str]) -> list[str]:
    return ["labels", *(arm for arm in arms if arm != "labels")] if size else [arm for arm in arms if arm in BEGINNERS]


def draw_of(split: Split, per_class: int, number: int) -> Draw:
    """Give every arm one draw of the labels, and the rest of the pool without them."""
    drawn, others = drawn_rows(split.pool, per_class, number, split.seeds)
    labeled = split.pool.take(drawn)
    texts = Texts([split.pool_texts[row] for row in drawn], [split.pool_texts[row] for row in others],
                  split.test_texts, *_hidden(split, others, number), split.embed, split.labels, split.encoder,
                  split.cache)
    return Draw(labeled, Unlabeled(split.pool.vectors[others]), split.names, number, split.test, texts,
                partial(_advice, split, Examples(texts.labeled, labeled.classes), drawn))


def _advice(split: Split, human: Examples, drawn: np.ndarray, recipe: Recipe) -> Advice | None:
    """Return what models wrote of the labels drawn, or of no text of this set."""
    if split.written is None:
        raise HyperMatchError("arms lm and hypermatch-lm have no written texts",
                              "name some with --lm FILE, or --data a file with a column generator")
    seeds = ["" for _ in drawn] if split.seeds is None else [split.seeds[row] for row in drawn]
    return advice_from(split.written, human, seeds, split.test_texts, recipe.language_model, split.embed)


def drawn_rows(pool: Labeled, per_class: int, number: int,
               seeds: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Draw `per_class` labels of each class, or all of a smaller class; draws of one number are nested.

    Return the rows drawn and all others, in the order of the pool. Of several texts made
    of one seed at most one is drawn, and then the rest are in neither part.
    """
    order = np.random.default_rng(number).permutation(len(pool))
    keys = np.arange(len(pool)) if seeds is None else np.unique(np.asarray(seeds), return_inverse=True)[1]
    firsts = order[np.sort(np.unique(keys[order], return_index=True)[1])]
    rank = np.full(len(pool), len(pool), np.int64)    # how many of its class come before a text
    for klass in range(pool.n_classes):
        rows = firsts[pool.classes[firsts] == klass]
        rank[rows] = np.arange(len(rows))
    drawn = np.flatnonzero(rank < per_class)
    return drawn, np.flatnonzero(~np.isin(keys, keys[drawn]))


def _hidden(split: Split, others: np.ndarray, seed: int) -> tuple[list[str], int]:
    """Return the foreign texts with some unlabeled ones of the set behind them, and how many those are."""
    n = round(len(split.foreign) * HIDDEN_SHARE)
    hidden = [split.pool_texts[row] for row in np.random.default_rng(seed).permutation(others)[:n]]
    return split.foreign + hidden, len(hidden)


def labels_only_curve(split: Split, recipe: Recipe, per_class: Sequence[int], n_draws: int,
                      cells: Sequence[dict[str, Any]], say: Say) -> dict[int, float]:
    """Return labels per class -> mean accuracy of labels only, on to the full train split."""
    curve = {size: mean(scores_of(cells, "labels", size)) for size in per_class if size}
    largest, size = _largest(split), max(per_class)
    while size < largest:
        size = min(max(size * CURVE_FACTOR, 1), largest)
        draws = range(1 if size == largest else min(N_CURVE_DRAWS, n_draws))
        curve[size] = mean(score_all(["labels"], draw_of(split, size, number), recipe)["labels"].accuracy
                           for number in draws)
        say(f"{size} per class, labels only: {curve[size]:.3f}")
    return dict(sorted(curve.items()))


def _largest(split: Split) -> int:
    """Return the most labels that a class has."""
    rows = drawn_rows(split.pool, len(split.pool), 0, split.seeds)[0]
    return int(split.pool.take(rows).counts().max())


def read_split(file: Path, recipe: Recipe, cache: Path, *, max_bank: int, max_test: int, without: Sequence[str],
               foreign: Sequence[Path], threads: int, report: Callable[[str, float], None], task: str | None = None,
               written: Path | None = None) -> Split:
    """Read columns text, label, split and embed; larger splits are sampled with a fixed seed.

    Texts of the test split that also occur in train are left out of it. `written` is a
    file of texts that models wrote. Where nothing in `file` itself is human, one generator
    stands in for people and the others are the language model.
    """
    train, test, stand_in = labeled_frames(file, without, task)
    held_out = list(test["seed_key"].unique()) if "seed_key" in test else []
    train, test = _sampled(train, max_bank), _sampled(test[~test["text"].isin(set(train["text"]))], max_test)
    labels = sorted(train["label"].unique())
    numbers = {label: number for number, label in enumerate(labels)}
    test = test[test["label"].isin(numbers)]
    if test.empty:
        raise HyperMatchError(f"{file} has no text to ask", "its test split needs texts that train lacks, of labels "
                              "that train has")
    texts = list(train["text"])
    encoder = open_encoder(recipe, texts, cache, lambda done: report("encoder", done))
    embedder = Embedder.of(encoder, cache, threads)

    def labeled(frame: pd.DataFrame) -> Labeled:
        vectors = embedder.embed(list(frame["text"]), lambda done: report("embedding", done))
        return Labeled(vectors, frame["label"].map(numbers).to_numpy(np.int64), len(labels))

    source = written or (file if stand_in else None)
    return Split(labeled(train), labeled(test), embedder.embed([spoken(label) for label in labels]), labels,
                 texts, list(test["text"]), _foreign(foreign, max_bank, set(texts)), embedder.embed, encoder, cache,
                 list(train["seed_key"]) if "seed_key" in train else None,
                 None if source is None else written_for(source, labels, task=task if source == file else None,
                                                         held_out=held_out, has_seeds="seed_key" in train,
                                                         without=None if written else stand_in))


def read_outside(file: Path, label: str) -> dict[str, list[str]]:
    """Return the test texts of `label`, which belong to no class, by their kind: column `<label>_kind`, if any."""
    frame = read_table(file)
    frame = frame[(frame["split"] == "test") & (frame["label"] == label)]
    kinds = frame[f"{label}_kind"] if f"{label}_kind" in frame else frame["label"]
    return {str(kind): list(rows["text"].astype(str)) for kind, rows in frame.groupby(kinds)}


def _foreign(files: Sequence[Path], most: int, own: set[str]) -> list[str]:
    """Return the texts of other sets, as many of each."""
    found: list[str] = []
    for file in files:
        frame = read_table(file)[["text"]].dropna()
        found += list(_sampled(frame[~frame["text"].isin(own)], most // len(files))["text"].astype(str))
    return found


def encoder_for(file: Path) -> str:
    """Return `minilm`, which knows English, for texts in Latin letters, else `subword`, which learns from the bank."""
    texts = "".join(_frame(file)["text"].head(N_SCRIPT_TEXTS))
    letters = [letter for letter in texts if letter.isalpha()]
    is_latin = sum(letter < "\u0250" for letter in letters) > len(letters) / 2
    return "minilm" if is_latin else "subword"


def read_table(file: Path) -> pd.DataFrame:
    """Read a Parquet or CSV file."""
    return pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)


def _frame(file: Path) -> pd.DataFrame:
    frame = read_table(file)
    if missing := {"text", "label", "split"} - set(frame.columns):
        raise HyperMatchError(f"{file} lacks the column {sorted(missing)[0]!r}", "it needs text, label and split")
    return frame.dropna(subset=["text", "label"]).astype({"text": str, "label": str})


def labeled_frames(file: Path, without: Sequence[str],
                   task: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    """Return train, test, and the generator that stands in for people, if one does."""
    frame = of_task(_frame(file), task, file)
    frame = frame[(frame["label"] != "") & ~frame["label"].isin(list(without))]
    stand_in = stand_in_for(frame, file)
    if stand_in is not None:
        return *split_by_seed(frame, stand_in), stand_in
    tests = [name for name in ("test", "valid") if (frame["split"] == name).any()]
    if not tests or not (frame["split"] == "train").any():
        raise HyperMatchError(f"{file} has no labeled rows of split 'train', or none of 'test' or 'valid'")
    return frame[frame["split"] == "train"], frame[frame["split"] == tests[0]], None


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
