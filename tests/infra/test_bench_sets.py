"""A folder of data sets is measured set by set; what is no labeled set is passed over, and what is done stays done."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from infra.bench.sets import foreign_to, sets_in
from infra.cli import cli
from registry.errors import HyperMatchError

WORDS = {"refund": "money back please", "arrival": "card in the post"}
KOREAN = {"환불": "돈을 돌려 주세요", "도착": "카드가 우편으로 왔어요"}


def labeled(words, name, n=80):
    labels = list(words)
    return pd.DataFrame([{"text": f"{words[labels[row % 2]]} {name} {row}", "label": labels[row % 2],
                          "split": "test" if row % 4 > 1 else "train"} for row in range(n)])


@pytest.fixture
def folder(tmp_path):
    sets = tmp_path / "sets"
    sets.mkdir()
    labeled(KOREAN, "가").to_parquet(sets / "ko_a.parquet")
    labeled(KOREAN, "나").to_csv(sets / "ko_b.csv", index=False)
    labeled(WORDS, "c").to_parquet(sets / "en_c.parquet")
    return sets


def test_what_is_no_labeled_set_is_passed_over_and_said(folder):
    pd.DataFrame({"text": ["one", "two"], "label": ["", ""], "split": ["train", "test"]}).to_csv(folder / "bare.csv")
    labeled({"oos": "far away", "other": "near by"}, "d").to_parquet(folder / "lone.parquet")
    pd.DataFrame({"words": ["one"]}).to_csv(folder / "alien.csv")
    said = []
    found = sets_in(folder, ["oos"], said.append)
    assert [each.file.name for each in found] == ["en_c.parquet", "ko_a.parquet", "ko_b.csv"]
    assert [each.encoder for each in found] == ["minilm", "subword", "subword"]
    assert [line.partition(" ")[0] for line in said] == ["alien.csv", "bare.csv", "lone.parquet"]
    assert "lacks the column" in said[0]
    assert "fewer than two labels" in said[2]


def test_a_folder_without_sets_is_named(tmp_path):
    with pytest.raises(HyperMatchError, match="holds no set to measure"):
        sets_in(tmp_path, [], lambda _line: None)


def test_foreign_are_sets_in_the_same_script_with_other_texts(folder):
    labeled(KOREAN, "가", n=40).to_parquet(folder / "ko_part.parquet")
    sets = {each.file.stem: each for each in sets_in(folder, [], lambda _line: None)}
    assert foreign_to(sets["ko_a"], sets.values()) == [folder / "ko_b.csv"]
    assert foreign_to(sets["en_c"], sets.values()) == []


def test_a_set_that_fails_is_named_and_what_is_measured_stays(folder, tmp_path):
    (folder / "en_c.parquet").unlink()
    out = tmp_path / "figures"
    out.mkdir()
    (out / "ko_a.json").write_text("{}")
    one_class = labeled(KOREAN, "다")
    one_class.loc[one_class["split"] == "test", "label"] = "unknown to train"
    one_class.to_parquet(folder / "ko_broken.parquet")

    told = CliRunner().invoke(cli, ["bench", "sets", str(folder), "--out", str(out), "--draws", "1"],
                              env={"HYPERMATCH_TRAINER_CACHE": str(tmp_path / "cache")})
    assert told.exit_code != 0
    assert "ko_broken.parquet could not be measured" in str(told.exception) + told.output
    assert "1 of 3 sets are measured already" in told.output
    assert (out / "ko_a.json").read_text() == "{}"
    found = json.loads((out / "ko_b.json").read_text())
    assert {cell["arm"] for cell in found["cells"]} >= {"tfidf", "labels", "ossl", "issl", "hypermatch"}
    assert "has no text to ask" in (out / "ko_broken.log").read_text()
