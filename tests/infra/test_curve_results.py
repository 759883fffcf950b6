"""The figures of curve.md are written between their marks, with what missed the band beside what did not."""

import json
from xml.etree import ElementTree

import pytest

from infra.bench.curve_results import PLOT, write
from registry.errors import HyperMatchError


def cell(size, predicted, accuracy):
    return {"per_class": size, "draw": 0, "predicted": predicted, "low": predicted - 0.02, "high": predicted + 0.02,
            "accuracy": accuracy, "measured": [[40, 0.7], [80, 0.75], [40, 0.72]]}


def test_figures_are_renewed_between_the_marks_and_drawn(tmp_path):
    (tmp_path / "figures").mkdir()
    for name, cells in {"one": [cell(64, 0.8, 0.81), cell(128, 0.85, 0.82)], "two": [cell(64, 0.9, 0.9)]}.items():
        (tmp_path / f"figures/{name}.json").write_text(json.dumps(
            {"data": name, "encoder": "minilm", "n_classes": 7, "cells": cells}))
    (tmp_path / "curve.md").write_text("before\n<!-- figures -->\nstale\n<!-- end of figures -->\nafter\n")
    for _ in range(2):
        write(tmp_path / "figures", tmp_path)
    page = (tmp_path / "curve.md").read_text()

    assert page.startswith("before\n<!-- figures -->\n") and page.endswith("<!-- end of figures -->\nafter\n")
    assert "stale" not in page
    assert "| one | minilm | 7 | 1 | 1.00 | -1.00 | 100% | 4.0 | 6.00 | 3.00 | +3.00 | 0% | 4.0 | 7.00 |" in page
    assert "| two | minilm | 7 | 1 | 0.00 | +0.00 | 100% | 4.0 | 15.00 | - | - | - | - | - |" in page
    assert "All 3 cells: mean absolute error **1.33** points, **67%** in the 80 % band" in page
    drawn = ElementTree.parse(tmp_path / "plots" / PLOT).getroot()
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 3


def test_a_folder_without_figures_is_refused(tmp_path):
    with pytest.raises(HyperMatchError, match="holds no figures"):
        write(tmp_path, tmp_path)
