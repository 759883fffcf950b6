"""The Grafana dashboard shows metrics that exist, and every panel asks Prometheus for one."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "infra/grafana/hypermatch.json").read_text())
NAME = re.compile(r"hypermatch_[a-z_]+")
SUFFIX = re.compile(r"_(total|bucket|sum|count)$")
METRIC = re.compile(r"(?:Counter|Gauge|Histogram|_gauge)\(\s*\"(hypermatch_[a-z_]+)\"")


def metrics_of_the_code() -> set[str]:
    files = [file for folder in ("ingest", "serving", "trainer") for file in (ROOT / folder).rglob("*.py")]
    return {name for file in files for name in METRIC.findall(file.read_text())}


def test_every_metric_of_the_dashboard_exists_in_the_code():
    shown = {SUFFIX.sub("", name) for name in NAME.findall(json.dumps(DASHBOARD))}
    folders = {name.split("_")[1] for name in shown}

    assert shown <= metrics_of_the_code(), shown - metrics_of_the_code()
    assert folders == {"ingest", "serving", "trainer"}


def test_panels_do_not_overlap_and_each_has_a_question():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["targets"] and all(NAME.search(target["expr"]) for target in panel["targets"]), panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
