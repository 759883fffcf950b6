"""The demo's story holds: nothing lost, nothing failed, nothing mixed, and v2 better than v1."""

import json
import os
import subprocess
import sys

import pytest

from infra.demo.cast import GATE_PER_CLASS, LABELS_PER_CLASS, deal
from infra.demo.person import DemoFailed
from infra.demo.stage import clear_stage
from registry.text import normalize


@pytest.mark.timeout(600)
def test_the_whole_loop_runs_end_to_end(tmp_path):
    told = subprocess.run([sys.executable, "-m", "infra", "demo", "--folder", str(tmp_path / "demo")], check=False,
                          capture_output=True, text=True, env=os.environ)
    assert told.returncode == 0, told.stdout[-3_000:] + told.stderr[-3_000:]
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["texts_banked"] + report["duplicates"] == report["texts_sent"]
    assert report["texts_banked"] > 8_000
    assert report["dead_letters"] == 4
    assert report["requests"] > 1_000
    assert report["failed_requests"] == report["mixed_answers"] == 0
    assert report["versions_served"] == [1, 2]
    assert report["accuracy"]["2"] > report["accuracy"]["1"] > 0.7
    assert report["unlabeled_texts"] > 7_000 and report["labels"] == 77 * LABELS_PER_CLASS


def test_no_text_plays_two_parts_and_every_draw_is_the_same():
    cast = deal(seed=1)
    first, gate, test = ({normalize(text) for text, _ in rows} for rows in (cast.first_labels, cast.gate, cast.test))
    assert len(first) == 77 * LABELS_PER_CLASS and len(gate) == 77 * GATE_PER_CLASS
    assert not first & gate
    traffic = {normalize(text) for text, _ in cast.traffic}
    assert not traffic & (first | gate)
    assert len(test) > 3_000
    assert deal(seed=1) == cast != deal(seed=2)


def test_the_demo_never_clears_a_folder_that_is_not_its_own(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoFailed, match="holds other files"):
        clear_stage(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
