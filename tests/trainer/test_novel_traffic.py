"""How much of the traffic is novel is read off without labels, and so is the threshold that errs least."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.test_novelty import clouds
from trainer.errors import RecipeError
from trainer.learning.embedded import Labeled
from trainer.learning.novel_traffic import MIN_TEXTS, novel_traffic
from trainer.learning.novelty import learn_novelty
from trainer.learning.novelty_recipe import NoveltyRecipe

BY_TRAFFIC = NoveltyRecipe(decided_by="traffic")


def learned(recipe):
    vectors, classes = clouds(20, 40, seed=1, spread=1.2)
    return learn_novelty(Labeled(vectors, classes, 20), recipe, seed=0)


def mixed(share, n, seed):
    """Draw traffic (n, d) of 20 known classes and a share of 20 others; return whether each is novel, too."""
    vectors, classes = clouds(40, 200, seed=seed, spread=1.2)
    generator, is_novel = np.random.default_rng(seed), classes >= 20
    rows = np.concatenate([generator.choice(np.flatnonzero(is_novel), round(share * n)),
                           generator.choice(np.flatnonzero(~is_novel), n - round(share * n))])
    return vectors[rows], is_novel[rows]


@pytest.mark.parametrize("share", [0.1, 0.4, 0.75])
def test_the_novel_share_of_traffic_is_estimated_and_its_threshold_errs_little_more_than_the_best(share):
    novelty = learned(BY_TRAFFIC).seeing(mixed(share, 4_000, seed=2)[0], BY_TRAFFIC)
    vectors, is_novel = mixed(share, 4_000, seed=3)
    told = novelty(vectors)

    def right(threshold):
        return ((told >= threshold) == is_novel).mean()

    assert abs(novelty.novel_share - share) < 0.07
    assert right(novelty.threshold) > max(right(each) for each in np.linspace(0.3, 0.999, 100)) - 0.03
    assert novelty.false_positive_rate == pytest.approx(1 - novelty.threshold)


def test_where_most_is_novel_the_traffic_decides_better_than_the_stated_rate():
    vectors, is_novel = mixed(0.75, 4_000, seed=3)
    stated = learned(NoveltyRecipe())
    decided = stated.seeing(mixed(0.75, 4_000, seed=2)[0], BY_TRAFFIC)
    wrong = [((each(vectors) >= each.threshold) != is_novel).mean() for each in (stated, decided)]
    assert wrong[1] < 0.8 * wrong[0]


def test_traffic_without_anything_novel_is_hardly_called_so():
    novelty = learned(BY_TRAFFIC).seeing(mixed(0.0, 4_000, seed=2)[0], BY_TRAFFIC)
    assert novelty.novel_share < 0.05
    assert (novelty(mixed(0.0, 4_000, seed=3)[0]) >= novelty.threshold).mean() < 0.02


def test_the_stated_rate_stays_unless_the_recipe_asks_and_the_share_is_told_either_way():
    stated = learned(NoveltyRecipe())
    seen = stated.seeing(mixed(0.4, 2_000, seed=2)[0], NoveltyRecipe())
    assert 0.3 < seen.novel_share < 0.5
    assert seen.threshold == 0.95 and replace(seen, novel_share=None) == stated


def test_too_little_traffic_tells_and_changes_nothing():
    stated = learned(BY_TRAFFIC)
    assert stated.seeing(mixed(0.4, MIN_TEXTS - 1, seed=2)[0], BY_TRAFFIC) is stated
    assert stated.seeing(np.empty((0, 24), np.float32), BY_TRAFFIC) is stated
    assert novel_traffic(np.linspace(0, 1, MIN_TEXTS - 1)) is None


def test_an_unknown_way_to_decide_is_named():
    with pytest.raises(RecipeError, match=r"novelty\.decided_by.*known or traffic"):
        NoveltyRecipe(decided_by="guess")
