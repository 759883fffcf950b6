"""Texts that language models wrote, in a bench: on the same side of every split as what they were made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from registry.errors import HyperMatchError
from trainer.language_model.at_hand import AtHand
from trainer.language_model.examples import Examples
from trainer.language_model.hypermix import Written
from trainer.language_model.imported import import_generations
from trainer.language_model.materials import lm_materials
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.learning.advised import Advice

TEST_SHARE = 0.25                                     # of the seeds of a file in which no human wrote anything
SPLIT_SEED = 0


@dataclass(frozen=True)
class WrittenTexts:
    """What models wrote for a label space; the origin of a text is the seed it was made from, if that is known."""

    texts: list[Written]
    labels: list[str]

    def of(self, seeds: Sequence[str]) -> list[Written]:
        """Return what was made of these seeds, or of none: a team can ask for no other."""
        known = set(seeds)
        return [each for each in self.texts if set(each.origin) <= known]


def advice_from(written: WrittenTexts, human: Examples, seeds: Sequence[str], test_texts: Sequence[str],
                recipe: LanguageModelRecipe, embed: Callable[[Sequence[str]], np.ndarray]) -> Advice | None:
    """Sift what was made of labeled texts as a run would, the test split in the place of the gate set.

    `seeds` (n,) are those of the human labels, which hold the views of one another back
    while they are held out.
    """
    at_hand = AtHand(written.labels, human, gate_texts=test_texts, imported=written.of(seeds))
    found = lm_materials(None, at_hand, recipe, SPLIT_SEED)
    if not found.texts:
        return None
    rows = {seed: row for row, seed in enumerate(seeds) if seed}
    origins = tuple(frozenset(rows[each] for each in told["origin"]) for told in found.provenance)
    return Advice(embed(found.texts), np.asarray(found.soft_labels), np.asarray(found.trust), origins)


def written_for(file: Path, labels: Sequence[str], *, task: str | None, held_out: Sequence[str], has_seeds: bool,
                without: str | None = None) -> WrittenTexts:
    """Read what models wrote for `labels`, but nothing of seeds that are held out or of the generator `without`."""
    found = import_generations(file, labels, task=task, held_out_seeds=frozenset(held_out))
    kept = [each for each in found if each.generator != without]
    if not has_seeds and any(each.origin for each in kept):
        raise HyperMatchError(f"{file} says what its texts were made of (seed_key), the labeled set does not",
                              "give the labeled set a column seed_key: no text may be judged by what was made of it")
    if not kept:
        raise HyperMatchError(f"{file} holds no text that a model wrote for these labels",
                              f"the labels are {', '.join(labels[:6])}{', ...' if len(labels) > 6 else ''}")
    return WrittenTexts(kept, list(labels))


def of_task(frame: pd.DataFrame, task: str | None, file: Path) -> pd.DataFrame:
    """Keep the rows of one task of a file that holds several."""
    tasks = sorted(frame["task"].dropna().unique()) if "task" in frame else []
    if task is None:
        if len(tasks) > 1:
            raise HyperMatchError(f"{file} holds the tasks {', '.join(tasks)}", "name one with --task")
        return frame
    if task not in tasks:
        raise HyperMatchError(f"{file} holds no task {task!r}", f"it holds {', '.join(tasks) or 'none'}")
    return frame[frame["task"] == task]


def stand_in_for(frame: pd.DataFrame, file: Path) -> str | None:
    """Return the generator whose texts stand in for human ones where a file holds no test split of human texts."""
    if "generator" not in frame or frame["split"].isin(["test", "valid"]).any():
        return None
    generators = frame["generator"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(generators) < 2 or "seed_key" not in frame:
        raise HyperMatchError(f"{file} holds texts of {len(generators)} generator and no test split: nothing in it can "
                              "judge them", "give it as --lm beside --data FILE with the same labels")
    return str(generators.index[0])


def split_by_seed(frame: pd.DataFrame, stand_in: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return train and test rows of the generator that stands in; a seed and all made of it lie on one side."""
    seeds = np.array(sorted(frame["seed_key"].unique()))
    n_test = round(len(seeds) * TEST_SHARE)
    held_out = set(np.random.default_rng(SPLIT_SEED).permutation(seeds)[:n_test])
    own = frame[frame["generator"] == stand_in].drop_duplicates("text")
    is_test = own["seed_key"].isin(held_out)
    return own[~is_test], own[is_test]
