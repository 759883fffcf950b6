"""The curve bench foretells what a team's own model scores with more labels, from those that it has and no others."""

import numpy as np
import pandas as pd
import pytest

from infra.bench.curve import measure
from infra.bench.learning import read_split
from trainer.curve.recipe import CurveRecipe
from trainer.recipe import recipe_of

TINY = recipe_of({"encoder": "subword", "subword": {"dimensions": 16, "n_buckets": 1_024, "n_max": 3},
                  "in_domain": {"use": "always", "refine": "never"}})
WORDS = {"refund": "money back please refund", "arrival": "card in the post soon"}


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Texts of three words, two of them of either label: few of them leave a model unsure."""
    folder, generator = tmp_path_factory.mktemp("curve"), np.random.default_rng(0)
    rows = []
    for label, words in WORDS.items():
        other = WORDS["arrival" if label == "refund" else "refund"]
        for number in range(60):
            said = [*generator.choice(words.split(), 2), *generator.choice(other.split(), 1), str(number)]
            rows.append({"text": " ".join(said), "label": label, "split": "train" if number < 40 else "test"})
    pd.DataFrame(rows).to_parquet(folder / "data.parquet")
    return read_split(folder / "data.parquet", TINY, folder / "cache", max_bank=1_000, max_test=1_000, without=(),
                      foreign=(), threads=1, report=lambda *_: None)


def test_each_team_foretells_larger_sizes_up_to_all_that_a_class_has(split):
    told = []
    found = measure(split, TINY, CurveRecipe(n_draws=2), sizes=(4, 8), predict=(16, 400), n_draws=2, say=told.append)
    assert len(told) == 2
    assert [(cell["draw"], cell["n_labels"]) for cell in found["cells"]] == [(0, 32), (0, 80), (1, 32), (1, 80)]
    for cell in found["cells"]:
        assert [size for size, _ in cell["measured"]] == [8, 16, 8]
        assert 0 <= cell["low"] <= cell["predicted"] <= cell["high"] <= 1
    assert found["mae"] == pytest.approx(np.mean([abs(cell["predicted"] - cell["accuracy"])
                                                  for cell in found["cells"]]), abs=1e-4)


def test_hypermatch_learns_from_the_rest_of_the_pool_and_scores_otherwise_than_labels_alone(split):
    scored = {}
    for arm in ("labels", "hypermatch"):
        found = measure(split, TINY, CurveRecipe(n_draws=1), sizes=(2, 4), predict=(8,), n_draws=1, arm=arm,
                        say=lambda _line: None)
        assert found["arm"] == arm
        scored[arm] = [*found["cells"][0]["measured"], found["cells"][0]["accuracy"]]
    assert scored["labels"] != scored["hypermatch"]


def test_what_grows_too_little_is_not_foretold(split):
    found = measure(split, TINY, CurveRecipe(n_draws=2), sizes=(8, 16, 32), predict=(64,), n_draws=1,
                    say=lambda _line: None)
    assert found["cells"] == [] and found["by_size"] == {}
