"""Chooses the texts of a task's traffic that a person should label next, each with its reason."""

from dataclasses import dataclass

import numpy as np

from trainer.asking.recipe import AskingRecipe
from trainer.asking.ways import chosen, margins
from trainer.errors import NotTrainable
from trainer.learning.embedded import Labeled
from trainer.learning.supervised import learn_supervised
from trainer.materials import gather
from trainer.recipe import Recipe
from trainer.vectors import embedded
from trainer.workplace import Report, Workplace

RANDOM = "random"


@dataclass(frozen=True)
class Asked:
    """A text to label, how it was chosen and why; `random` ones are a fair sample of the traffic."""

    text: str
    chosen: str
    why: str


def texts_to_label(workplace: Workplace, task: str, count: int, recipe: Recipe, asking: AskingRecipe,
                   report: Report) -> list[Asked]:
    """Choose from the bank's texts of the task that have no label; raises NotTrainable if there are none."""
    materials = gather(workplace, task, recipe)
    if not materials.traffic:
        raise NotTrainable(f"the bank holds no text of task {task} that has no label", "bank some: `hypermatch ingest`")
    vectors = embedded(workplace, materials, recipe, report)
    report("learning", 0.0)
    probs = class_probs(vectors.train, vectors.traffic, recipe)
    near_labels = np.concatenate([vectors.train.vectors, vectors.gate.vectors])
    rows = ask(vectors.traffic, probs, near_labels, count, asking, recipe.seed)
    return [Asked(materials.traffic[row], way, _why(way, probs[row], materials.labels)) for row, way in rows]


def class_probs(labeled: Labeled, vectors: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return (n, C) of a head on the labels; equal shares while fewer than two classes have one."""
    if np.count_nonzero(labeled.counts()) < 2:
        return np.full((len(vectors), labeled.n_classes), 1 / labeled.n_classes, np.float32)
    return learn_supervised(labeled, recipe.head, recipe.seed).probs(vectors)


def ask(vectors: np.ndarray, probs: np.ndarray, labeled: np.ndarray, count: int, recipe: AskingRecipe,
        seed: int) -> list[tuple[int, str]]:
    """Return rows with the way each was chosen.

    The random ones are drawn first and from all the traffic, so that the shares of the
    classes among them estimate those of the traffic, whatever else is asked.
    """
    shuffled = np.random.default_rng(seed).permutation(len(vectors))
    count = min(count, len(vectors))
    n_random = count if recipe.way == "random" else round(recipe.random_share * count)
    fair, pool = shuffled[:n_random], shuffled[n_random : n_random + recipe.max_pool]
    taken = np.concatenate([labeled, vectors[fair]])
    found = pool[chosen(recipe.way, vectors[pool], probs[pool], taken, count - n_random, recipe.near, seed)]
    return [(int(row), RANDOM) for row in fair] + [(int(row), recipe.way) for row in found]


def _why(way: str, probs: np.ndarray, labels: list[str]) -> str:
    first, second = (labels[number] for number in np.argsort(-probs)[:2])
    unsure = f"{first} {probs.max():.2f} or {second}, margin {float(margins(probs[None, :])[0]):.2f}"
    return {RANDOM: "drawn by chance: such labels alone tell the shares of the classes",
            "uncertainty": f"the model is unsure: {unsure}",
            "coverage": "stands for many texts that lie near no label",
            "mix": f"stands for many texts that the model is unsure of: {unsure}"}[way]
