"""Sources that are also watched by themselves: what moves in one of several may drown in the whole."""

from collections import Counter

from trainer.drift.observed import Observed
from trainer.drift.recipe import DriftRecipe

MAX_SEGMENTS = 4                                      # each divides alpha; 999 permutations reach alpha / 5 at 0.01
MIN_SEGMENT_BLOCKS = 8                                # of a window


def segments_of(tested: Observed, recipe: DriftRecipe) -> dict[str, Observed]:
    """Return the texts of the largest sources that have enough of their own; none where all come from one source."""
    counts = Counter(tested.sources)
    wanted = [source for source, n in counts.most_common(MAX_SEGMENTS)
              if n >= 2 * MIN_SEGMENT_BLOCKS * recipe.block_texts and n < len(tested)]
    return {source: tested.of_source(source) for source in wanted}


def adjusted(p_value: float, n_tests: int) -> float:
    """Return the p-value for having made so many tests (Bonferroni)."""
    return min(1.0, p_value * n_tests)
