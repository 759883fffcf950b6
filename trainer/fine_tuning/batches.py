"""Which texts a step sees: decided by the seed and the step alone, so that any process can begin anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainer.fine_tuning.lessons import Lessons
from trainer.fine_tuning.recipe import FineTuningRecipe

POOL_BATCHES = 16                                     # texts of so many batches are dealt to them by length


@dataclass(frozen=True)
class Plan:
    """The batches of a round; each holds `labeled_rows` human-labeled texts first, then some of all texts.

    An epoch deals every text once, so that labels count as texts too where they are many.
    """

    lessons: Lessons
    recipe: FineTuningRecipe
    seed: int

    @property
    def n_dealt(self) -> int:
        """Return how many rows of a batch are dealt from all texts."""
        return self.recipe.batch_rows - self.recipe.labeled_rows

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.lessons.texts) // self.n_dealt)

    @property
    def n_steps(self) -> int:
        return max(round(self.recipe.epochs * self.steps_per_epoch), 1)

    def batches(self, first: int) -> Iterator[np.ndarray]:
        """Yield the rows (batch_rows,) of the lessons that each step from `first` on learns from."""
        dealt: list[np.ndarray] = []
        for step in range(first, self.n_steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            if place == 0 or step == first:
                dealt = self._deal(epoch)
            yield np.concatenate([self._labeled(step), dealt[place]])

    def _labeled(self, step: int) -> np.ndarray:
        """Deal the labels out without end, each once before any comes again."""
        n, n_rows = self.lessons.n_labeled, self.recipe.labeled_rows
        rounds, places = np.divmod(step * n_rows + np.arange(n_rows), n)
        deals = {number: np.random.default_rng([self.seed, 1, number]).permutation(n) for number in np.unique(rounds)}
        return np.array([deals[number][place] for number, place in zip(rounds, places, strict=True)])

    def _deal(self, epoch: int) -> list[np.ndarray]:
        """Deal all texts into batches of like lengths, in random order; the last is filled up from the first."""
        generator, n_rows = np.random.default_rng([self.seed, 0, epoch]), self.n_dealt
        lengths = np.array([len(text) for text in self.lessons.texts])
        order = np.resize(generator.permutation(len(lengths)), self.steps_per_epoch * n_rows)
        batches: list[np.ndarray] = []
        for start in range(0, len(order), n_rows * POOL_BATCHES):
            pool = order[start : start + n_rows * POOL_BATCHES]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += np.split(pool, len(pool) // n_rows)
        return [batches[number] for number in generator.permutation(len(batches))]
