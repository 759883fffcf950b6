"""Measures the filter behind augmentation: what it keeps, and whether that still means its class."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from infra.bench.learning import Split, draw_of, read_table
from infra.bench.learning_arms import Draw
from trainer.augmentation.augment import Views, views_of
from trainer.augmentation.edits import Eda
from trainer.augmentation.for_run import synonyms_of
from trainer.augmentation.views import Report, ViewProvider, silent
from trainer.learning.head import Head
from trainer.learning.supervised import learn_supervised
from trainer.recipe import Recipe

PARAPHRASES = "paraphrase_set"                        # column: texts of one value were written to say the same
Say = Callable[[str], None]


class Known:
    """Views that are on record, in the place of a provider: what people wrote, or texts that mean something else."""

    def __init__(self, name: str, of: dict[str, list[str]]) -> None:
        self.name, self.of = name, of

    def views(self, texts: Sequence[str], n: int, seed: int, report: Report = silent) -> list[list[str]]:
        return [self.of.get(text, [])[:n] for text in texts]


def measure(split: Split, recipe: Recipe, paraphrases: dict[str, list[str]], *, per_class: Sequence[int], n_draws: int,
            say: Say) -> dict[str, Any]:
    """Return cells per size, draw and source of views, and their means.

    `preserved` is the share that a classifier on all labels of the pool puts into the
    class of the text, among texts that it knows itself. `strangers` are the nearest texts
    of other classes: the filter should keep none of them. Human paraphrases it should keep.
    """
    judge = learn_supervised(split.pool, recipe.head, 0)
    cells = []
    for size in per_class:
        for number in range(n_draws):
            draw = draw_of(split, size, number)
            for name, views in _sources(split, draw, recipe, paraphrases).items():
                cells.append({"per_class": size, "draw": number, "source": name, **_cell(views, draw, judge)})
            say(f"{size} per class, draw {number}: " + ", ".join(
                f"{cell['source']} kept {cell['kept']:.2f}" for cell in cells
                if cell["per_class"] == size and cell["draw"] == number))
    return {"cells": cells, "means": _means(cells)}


def paraphrases_of(file: Path) -> dict[str, list[str]]:
    """Return, for each text of the train split, the others of its set; none where the file tells of no sets."""
    frame = read_table(file)
    if PARAPHRASES not in frame:
        return {}
    sets = frame[frame["split"] == "train"].groupby(PARAPHRASES)["text"].apply(list)
    return {text: [other for other in texts if other != text] for texts in sets for text in texts}


def _sources(split: Split, draw: Draw, recipe: Recipe, paraphrases: dict[str, list[str]]) -> dict[str, Views]:
    texts, asked = draw.texts, recipe.augmentation
    synonyms = synonyms_of(asked, texts.labeled, texts.unlabeled, texts.embed)
    providers: list[ViewProvider] = [Eda(synonyms, asked.share), Known("strangers", _strangers(split, draw))]
    providers += [Known("human", paraphrases)] if paraphrases else []
    return {provider.name: views_of(texts.labeled, draw.labeled, [provider], texts.embed, synonyms, asked, recipe.head,
                                    draw.seed) for provider in providers}


def _strangers(split: Split, draw: Draw) -> dict[str, list[str]]:
    """Return, for each labeled text, the text of another class that is nearest to it."""
    cosines = draw.labeled.vectors @ split.pool.vectors.T
    cosines[draw.labeled.classes[:, None] == split.pool.classes[None, :]] = -2.0
    return {text: [split.pool_texts[row]] for text, row in zip(draw.texts.labeled, cosines.argmax(1), strict=True)}


def _cell(views: Views, draw: Draw, judge: Head) -> dict[str, Any]:
    kept, classes = views.judged.is_kept, draw.labeled.classes[views.rows]
    is_known = (judge.probs(draw.labeled.vectors).argmax(1) == draw.labeled.classes)[views.rows]
    says_so = judge.probs(views.vectors).argmax(1) == classes
    return {"made": len(kept), "kept": _share(kept), "reversed": _share(views.judged.is_reversed),
            "doubted": _share(views.judged.is_doubted), "preserved_all": _share(says_so[is_known]),
            "preserved_kept": _share(says_so[is_known & kept]), "preserved_dropped": _share(says_so[is_known & ~kept])}


def _share(flags: np.ndarray) -> float:
    return round(float(flags.mean()), 4) if len(flags) else float("nan")


def _means(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean over draws of each size and source; a draw in which nothing was kept has no say on it."""
    found = []
    for size, name in sorted({(cell["per_class"], cell["source"]) for cell in cells}):
        rows = [cell for cell in cells if (cell["per_class"], cell["source"]) == (size, name)]
        measured = {key: [row[key] for row in rows if row[key] == row[key]] for key in rows[0]
                    if key not in ("per_class", "draw", "source")}
        found.append({"per_class": size, "source": name} | {
            key: round(mean(values), 4) if values else None for key, values in measured.items()})
    return found
