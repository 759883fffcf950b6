"""The page of learning's figures has each arm's row, and tells what was tried in vain."""

import json

import pytest

from infra.bench.results import write
from registry.errors import HyperMatchError

ACCURACY = {"labels": 0.5, "issl": 0.7, "hypermatch": 0.8}
CELLS = [{"per_class": size, "draw": 0, "arm": arm, "accuracy": accuracy, "macro_f1": accuracy, "ece": 0.1,
          "seconds": 1.0} for size in (1, 2) for arm, accuracy in ACCURACY.items()]
FIGURES = {"data": "set", "encoder": "minilm", "n_classes": 2, "n_bank": 10, "n_test": 10, "cells": CELLS,
           "curve": {"1": 0.5, "2": 0.5, "4": 0.8},
           "multipliers": {"issl": {"1": 2.0, "2": 1.0}, "hypermatch": {"1": 4.0, "2": 1.0}},
           "shipped": [{"choice": "in-domain"}, {"choice": "labels-only"}], "harmful": 0}


def test_each_arm_has_its_row_and_the_multipliers_their_mean(tmp_path):
    (tmp_path / "set.json").write_text(json.dumps(FIGURES))
    write(tmp_path, tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "| hypermatch | 0.800 (x4.0) | 0.800 (x1.0) | 0.100 | 1.0 |" in page
    assert "Geometric mean of all 2 multipliers: **2.00**" in page
    assert "Shipped: in-domain 1 of 2 times" in page


def test_what_was_tried_in_vain_is_told_last(tmp_path):
    (tmp_path / "set.json").write_text(json.dumps(FIGURES))
    write(tmp_path, tmp_path)
    headings = [line for line in (tmp_path / "results.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[-2:] == ["## set", "## What did not help"]


def test_a_folder_without_figures_is_named(tmp_path):
    with pytest.raises(HyperMatchError, match="holds no figures"):
        write(tmp_path, tmp_path)
