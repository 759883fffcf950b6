"""The alerts ask for metrics and labels that the code really has, in the form in which Prometheus has them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry
from sqlalchemy import text

import serving.metrics  # noqa: F401  its metrics are in the global registry
from ingest.metrics import Metrics as IngestMetrics
from registry.database import read, write
from registry.tasks import create_task
from trainer.metrics import Metrics as TrainerMetrics
from trainer.scheduler.soundness import WHOLE_CHAIN_EVERY, Soundness

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra/prometheus/hypermatch.rules.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
SELECTOR = re.compile(r"(hypermatch_[a-z_]+)(?:\{([^}]*)\})?")
SERIES = {"counter": {"_total"}, "histogram": {"_bucket", "_count", "_sum"}, "gauge": {""}}


def series(registry: CollectorRegistry) -> Iterator[tuple[str, set[str]]]:
    """Yield the name of each series with the labels it has."""
    for collector in registry._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        for metric in collector.describe() if hasattr(collector, "_labelnames") else []:
            for suffix in SERIES.get(metric.type, set()):
                yield metric.name + suffix, labels | ({"le"} if suffix == "_bucket" else set())


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    registries = (REGISTRY, IngestMetrics().registry, TrainerMetrics().registry)
    return {name: labels for registry in registries for name, labels in series(registry)
            if name.startswith("hypermatch_")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_exists_and_says_what_is_wrong(rule, known):
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "warn") and rule["annotations"]["summary"]
    assert re.fullmatch(r"[0-9]+[smhd]", rule.get("for", "0m")) and rule["expr"].count("(") == rule["expr"].count(")")
    asked = SELECTOR.findall(rule["expr"])
    assert asked
    for name, matchers in asked:
        assert name in known, name
        labels = set(re.findall(r"([a-z_]+)\s*[=!]", matchers))
        grouped = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
        assert labels | grouped <= known[name], f"{name} has the labels {known[name]}"
    for label in re.findall(r"\$labels\.([a-z_]+)", rule["annotations"]["summary"]):
        assert f"by ({label}" in rule["expr"]


def test_each_alert_is_explained_to_who_is_called():
    told = (ROOT / "docs/operations.md").read_text()
    assert {rule["alert"] for rule in RULES if rule["alert"] not in told} == set()
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_prometheus_itself_reads_the_rules():
    if shutil.which("promtool") is None:
        pytest.skip("install promtool (Prometheus) to run this test")
    subprocess.run(["promtool", "check", "rules", str(FILE)], check=True)


def test_the_trainer_tells_of_missing_champions_and_of_a_changed_audit_entry(engine, now):
    metrics = TrainerMetrics()
    soundness, value = Soundness(metrics), metrics.registry.get_sample_value
    with write(engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
        create_task(session, "topics", ["a", "b"], actor="ada", now=now)

    def look(after: timedelta) -> float | None:
        with read(engine) as session:
            soundness.look(session, now + after)
        return value("hypermatch_trainer_audit_chain_is_broken")

    assert look(timedelta()) == 0 and value("hypermatch_trainer_has_champion", {"task": "intents"}) == 0
    with write(engine) as session:
        session.connection().execute(text("UPDATE auditentry SET actor = 'mallory' WHERE number = 1"))
    assert look(timedelta(minutes=1)) == 0            # what was verified is not read again so soon ...
    assert look(WHOLE_CHAIN_EVERY) == 1               # ... but it is in time
    with write(engine) as session:
        session.connection().execute(text("UPDATE auditentry SET actor = 'ada' WHERE number = 1"))
    assert look(WHOLE_CHAIN_EVERY + timedelta(minutes=1)) == 0
