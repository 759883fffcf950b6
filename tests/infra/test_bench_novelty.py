"""The benchmark of novelty: what is known and what is not, and no label of the traffic that sets a threshold."""

from types import SimpleNamespace

import numpy as np
import pytest

from infra.bench.novelty import as_it_is, measure
from tests.trainer.test_novelty import clouds
from trainer.learning.embedded import Labeled
from trainer.recipe import Recipe


@pytest.fixture(scope="module")
def found():
    pool, test = (Labeled(*clouds(20, n, seed=seed, spread=1.2), 20) for n, seed in ((40, 1), (100, 2)))
    split = SimpleNamespace(pool=pool, test=test)
    strange = clouds(40, 20, seed=4, spread=1.2)[0][-200:]
    return measure(split, as_it_is(split, {"elsewhere": strange}), Recipe(), known_ratio=0.25, n_draws=2,
                   say=lambda _line: None)


def test_traffic_that_is_mostly_novel_sets_a_better_threshold_than_a_stated_rate(found):
    by_traffic = found["by_traffic"]
    assert found["known_called_novel"] < by_traffic["known_called_novel"]
    assert by_traffic["open_accuracy"] > found["open_accuracy"] > 0.5
    assert by_traffic["true_novel_share"] == pytest.approx((0.75 * 2_000 + 200) / 2_200, abs=1e-4)
    assert abs(by_traffic["novel_share"] - by_traffic["true_novel_share"]) < 0.1


def test_means_are_those_of_the_draws_and_texts_outside_are_told_apart(found):
    assert len(found["draws"]) == 2 and found["draws"][0] != found["draws"][1]
    assert found["open_f1"] == pytest.approx(np.mean([each["open_f1"] for each in found["draws"]]), abs=1e-4)
    assert found["outside"]["elsewhere"]["auroc"] > 0.8
