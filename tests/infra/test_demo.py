"""The demo's story holds: nothing lost, failed or mixed, v2 better than v1, and v3 knows the classes that came."""

import json
import os
import subprocess
import sys

import pytest

from infra.demo.cast import GATE_PER_CLASS, LABELS_PER_CLASS, deal
from infra.demo.person import DemoFailed
from infra.demo.stage import clear_stage
from infra.demo.story import MIXED_TEXTS, N_NEWCOMERS, N_REPEATS
from registry.text import normalize


@pytest.mark.timeout(600)
def test_the_whole_loop_runs_end_to_end(tmp_path):
    told = subprocess.run([sys.executable, "-m", "infra", "demo", "--folder", str(tmp_path / "demo")], check=False,
                          capture_output=True, text=True, env=os.environ)
    assert told.returncode == 0, told.stdout[-3_000:] + told.stderr[-3_000:]
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["texts_banked"] + report["duplicates"] == report["texts_sent"]
    assert report["texts_banked"] > 6_000
    assert report["duplicates"] == N_REPEATS
    assert report["dead_letters"] == 4
    assert report["requests"] > 1_000
    assert report["failed_requests"] == report["mixed_answers"] == 0
    assert report["versions_served"] == [1, 2, 3]
    old, new = report["accuracy_old_classes"], report["accuracy_new_classes"]
    assert old["2"] > old["1"] > 0.7
    assert report["unlabeled_texts"] > 3_500 and report["labels"] == (77 - N_NEWCOMERS) * LABELS_PER_CLASS
    assert report["windows_before"] >= 2 and report["false_alarms_before"] <= 1
    assert 0 < report["alarm_after_texts"] <= 3 * MIXED_TEXTS
    assert report["novelty_rate"]["alarm"] > 1.4 * report["novelty_rate"]["before"]
    assert report["proposals"] >= report["accepted"] >= N_NEWCOMERS // 3
    assert new["1"] == new["2"] == 0 and new["3"] > 0.2
    assert old["3"] > old["2"] - 0.05 and report["accuracy"]["3"] > report["accuracy"]["2"]


def test_no_text_plays_two_parts_and_every_draw_is_the_same():
    cast = deal(seed=1)
    first, gate, test = ({normalize(text) for text, _ in rows} for rows in (cast.first_labels, cast.gate, cast.test))
    assert len(first) == 77 * LABELS_PER_CLASS and len(gate) == 77 * GATE_PER_CLASS
    assert not first & gate
    traffic = {normalize(text) for text, _ in cast.traffic}
    assert not traffic & (first | gate)
    assert len(test) > 3_000
    assert deal(seed=1) == cast != deal(seed=2)


def test_newcomers_are_in_no_part_but_their_own_and_the_test():
    cast = deal(seed=1, n_newcomers=N_NEWCOMERS, test_per_class=20)
    assert len(cast.new_labels) == N_NEWCOMERS and len(cast.labels) == 77 - N_NEWCOMERS
    assert not {label for _, label in cast.first_labels + cast.gate + cast.traffic} & set(cast.new_labels)
    assert len(cast.test) == 77 * 20
    assert {cast.truth[normalize(text)] for text, _ in cast.newcomers} == set(cast.new_labels)


def test_the_demo_never_clears_a_folder_that_is_not_its_own(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoFailed, match="holds other files"):
        clear_stage(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
