"""The learning bench keeps texts and what was made of them apart, and begins without labels where an arm can."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from infra.bench.learning import draw_of, drawn_rows, read_split
from infra.bench.worth import zero_data
from infra.cli import cli
from registry.errors import HyperMatchError
from trainer.learning.embedded import Labeled
from trainer.recipe import recipe_of

TINY = {"encoder": "subword", "subword": {"dimensions": 16, "n_buckets": 1_024, "n_max": 3}}
WORDS = {"refund": "money back please", "arrival": "card in the post"}


def written(n_seeds=40, generators=("alpha", "beta"), n_views=3):
    """Texts that generators made of seeds, `n_views` each; odd seeds are of one label, even ones of the other."""
    labels = list(WORDS)
    return pd.DataFrame([{"text": f"{WORDS[labels[seed % 2]]} {seed} {generator} {view}", "label": labels[seed % 2],
                          "split": "train", "task": "bank", "generator": generator, "seed_key": f"s{seed}"}
                         for seed in range(n_seeds) for generator in generators for view in range(n_views)])


@pytest.fixture
def save(tmp_path):
    def run(frame, name="data"):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        return tmp_path / f"{name}.parquet"

    return run


@pytest.fixture
def read(tmp_path):
    def run(file, **changes):
        given = {"max_bank": 1_000, "max_test": 1_000, "without": (), "foreign": (), "threads": 1,
                 "report": lambda *_: None} | changes
        return read_split(file, recipe_of(TINY), tmp_path / "cache", **given)

    return run


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_foreign_texts_come_from_parquet_and_csv_alike(save, read, tmp_path, suffix):
    file, foreign = save(written()), pd.DataFrame({"text": ["far away", None, "from elsewhere"]})
    other = tmp_path / f"other.{suffix}"
    foreign.to_parquet(other) if suffix == "parquet" else foreign.to_csv(other, index=False)
    assert read(file, foreign=[other]).foreign == ["far away", "from elsewhere"]


def seeds_in(texts):
    return {text.split()[-3] for text in texts}


def test_nothing_that_was_made_of_a_tested_seed_is_learned_from(save, read):
    split = read(save(written()))
    learned_from = [*split.pool_texts, *(each.text for each in split.written.texts)]

    assert len(seeds_in(split.test_texts)) == 10 and not seeds_in(split.test_texts) & seeds_in(learned_from)
    assert {text.split()[-2] for text in split.pool_texts + split.test_texts} == {"alpha"}
    assert {each.generator for each in split.written.texts} == {"beta"}


def test_a_draw_has_one_text_of_a_seed_and_only_what_was_made_of_its_seeds(save, read):
    split = read(save(written()))
    draw = draw_of(split, 3, 0)

    drawn = seeds_in(draw.texts.labeled)
    assert len(draw.labeled) == len(drawn) == 6 and not drawn & seeds_in(draw.texts.unlabeled)
    advice = draw.written(recipe_of({**TINY, "language_model": {"max_similarity": 1.0, "max_gate_similarity": 1.0}}))
    assert len(advice) > 6
    for row, origin in enumerate(advice.origins):
        (source,) = origin
        assert advice.soft_labels[row].argmax() == draw.labeled.classes[source]


def test_draws_without_seeds_are_what_they_were():
    pool = Labeled(np.zeros((50, 2), np.float32), np.arange(50) % 5, 5)
    drawn, others = drawn_rows(pool, 2, 7)
    assert len(drawn) == 10 and sorted([*drawn, *others]) == list(range(50))
    assert set(drawn) <= set(drawn_rows(pool, 3, 7)[0])


@pytest.mark.parametrize(("frame", "task", "told"), [
    (written(generators=("alpha",)), None, "nothing in it can judge"),
    (pd.concat([written(), written().assign(task="other")]), None, "name one with --task"),
    (written(), "absent", "holds no task 'absent'"),
])
def test_a_file_that_cannot_be_judged_honestly_is_refused_with_the_way_out(save, read, frame, task, told):
    with pytest.raises(HyperMatchError, match=told):
        read(save(frame), task=task)


def test_written_texts_of_unknown_seeds_cannot_stand_beside_a_set_without_them(save, read):
    human = written(n_views=1).drop(columns=["generator", "seed_key", "task"])
    human.loc[human.index % 4 == 0, "split"] = "test"
    with pytest.raises(HyperMatchError, match="column seed_key"):
        read(save(human), written=save(written(), "written"))
    free = read(save(human), written=save(written().drop(columns="seed_key"), "written"))
    assert len(free.written.texts) == 240 and free.seeds is None


def test_the_bench_begins_without_labels_and_says_who_cannot(save, tmp_path):
    (tmp_path / "tiny.toml").write_text('encoder = "subword"\n[subword]\ndimensions = 16\nn_buckets = 1024\n')
    told = CliRunner().invoke(cli, [
        "bench", "learning", "--data", str(save(written())), "--recipe", str(tmp_path / "tiny.toml"), "--per-class",
        "0,2", "--draws", "1", "--arms", "labels,eda,sentences,hypermatch,lm,hypermatch-lm", "--json",
        str(tmp_path / "out.json")], env={"HYPERMATCH_TRAINER_CACHE": str(tmp_path / "cache")}, catch_exceptions=False)

    found = json.loads((tmp_path / "out.json").read_text())
    assert "0 per class: labels, eda need labels and are left out" in told.output
    assert {cell["arm"] for cell in found["cells"] if not cell["per_class"]} == {
        "sentences", "hypermatch", "lm", "hypermatch-lm"} == set(found["zero_data"])
    assert set(found["multipliers"]["lm"]) == {"2"} and "harmful" in found["with_lm"]


def test_a_start_below_one_label_is_not_called_one():
    cells = [{"arm": "names", "per_class": 0, "accuracy": accuracy} for accuracy in (0.3, 0.4)]
    assert zero_data(cells, {1: 0.5, 2: 0.7})["names"] == {"accuracy": 0.35, "labels_per_class": 0.0}
    assert zero_data(cells, {1: 0.2, 2: 0.35})["names"]["labels_per_class"] == 2.0
