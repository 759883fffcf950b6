"""The figures of drift.md are written between their marks, with what fell short beside what did not."""

import json
from xml.etree import ElementTree

from infra.bench.drift_results import write

WINDOW = {"from": "2026-01-01", "to": "2026-01-02", "p": 0.001, "alarm": True, "alarmed": ["text"], "accuracy": 0.6,
          "estimated": 0.7, "low": 0.65, "high": 0.75, "unchanged": 0.8}
FIGURES = {
    "data": "en_<x>", "windows": 100, "alarms": 3, "alarm_rate": 0.03, "interval": [0.01, 0.06], "window_texts": 500,
    "per_family": {"text": 0.02}, "confirmed": {"alarms": 1, "windows": 60}, "delay_texts": 500,
    "peer": {"evidently": {"false_alarms": {"windows": 20, "any column": 7, "data set": 0}}},
    "power": {"novel:0.05": {"500": {"windows": 6, "power": 0.5, "interval": [0.19, 0.81]},
                             "evidently": {"windows": 6, "any column": 4, "data set": 1}}},
    "as_it_came": {"watched_from": "2026-01-01", "past_windows": 0, "windows": 1, "moved": 1, "alarms": 1,
                   "confirmed": 0, "delay_texts": 500, "accuracy_error": {"estimated": 0.1, "unchanged": 0.2},
                   "in_band": 0.0, "each": [WINDOW, {**WINDOW, "alarm": False}]},
}


def test_figures_are_renewed_between_the_marks_and_drawn(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/x.json").write_text(json.dumps(FIGURES))
    (tmp_path / "drift.md").write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
    for _ in range(2):
        write(tmp_path / "figures", tmp_path)
    page = (tmp_path / "drift.md").read_text()

    assert page.startswith("before\n<!-- figures -->\n") and page.endswith("<!-- end of figures -->\nafter\n")
    assert "old" not in page and page.count("## Planted drifts") == 1
    assert "| en_<x> | 500 | 100 | 3 | 0.0300 | 0.0100 to 0.0600 | 0.0200 | 1 of 60 | 7 of 20 | 0 of 20 |" in page
    assert "| novel:0.05 | 0.50 (0.19 to 0.81) | 4 of 6 | 1 of 6 |" in page and "| 0.100 | 0.200 | 0.00 |" in page
    drawn = ElementTree.parse(tmp_path / "plots/drift_en_<x>.svg").getroot()
    alarms = [rect for rect in drawn.iter("{http://www.w3.org/2000/svg}rect") if rect.get("opacity") == ".18"]
    assert len(alarms) == 1
