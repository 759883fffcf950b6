"""`hypermatch drift` and `hypermatch review`, as people use them: look, ask, label, take out, bring back, take back."""

import json
import subprocess
import sys
import time
import urllib.request

import pyarrow as pa
import pytest
from click.testing import CliRunner

from infra.cli import cli
from infra.parts import free_port
from registry.errors import HyperMatchError
from tests.trainer.test_drift import bank_rows, watched  # noqa: F401


@pytest.fixture
def hypermatch(watched, tmp_path, monkeypatch):  # noqa: F811
    """The command on a champion's bank, to which 500 strange texts came."""
    workplace, _, now = watched
    strange = [f"the weather in {place} is {sky} on day {day}" for place in ("rome", "oslo", "lima", "cairo", "seoul")
               for sky in ("sunny", "cloudy", "stormy", "dry", "cold") for day in range(20)]
    rows = bank_rows(strange, 5_000, now)
    column = rows.schema.get_field_index("subject")
    rows = rows.set_column(column, rows.schema.field(column), pa.array(["ann"] * len(strange)))
    workplace.bank.append(rows, {("t", 0): 6_000})
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/intent.toml").write_text(
        'encoder = "subword"\n[drift]\nwindow_texts = 200\nmin_reference_texts = 400\nof_windows = 1\n'
        "confirming_alarms = 1\nblock_texts = 10\n")
    for name, value in {"REGISTRY_URL": f"sqlite:///{tmp_path}/registry.db", "INGEST_BANK": tmp_path / "bank",
                        "REGISTRY_ARTIFACTS": tmp_path / "artifacts", "TRAINER_CACHE": tmp_path / "cache",
                        "TRAINER_RECIPES": tmp_path / "recipes", "TRAINER_REPORTS": tmp_path / "drift",
                        "TRAINER_THREADS": 1}.items():
        monkeypatch.setenv(f"HYPERMATCH_{name}", str(value))

    def run(*arguments):
        done = CliRunner().invoke(cli, list(arguments), catch_exceptions=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def test_a_person_looks_for_drift_and_sees_it_again_in_the_list_and_in_evidently(hypermatch, tmp_path):
    told = hypermatch("drift", "check", "--task", "intent", "--dry-run", "--json")
    assert json.loads(told)["is_alarm"]
    assert "intent v1: " in (first := hypermatch("drift", "check", "--task", "intent")) and "word 'weather'" in first
    assert "v1" in hypermatch("drift", "list", "--task", "intent").splitlines()[1]
    assert (tmp_path / "drift/pages/intent/1.html").exists()

    port = free_port()
    dashboard = subprocess.Popen([sys.executable, "-m", "infra", "drift", "dashboard", "--port", str(port)])
    try:
        assert "intent" in [project["name"] for project in _answer(f"http://127.0.0.1:{port}/api/projects", 60)]
    finally:
        dashboard.terminate()
        dashboard.wait(20)
    assert list((tmp_path / "cache/stretches").rglob("*.json"))
    told = hypermatch("bank", "forget", "--subject", "ann", "--reason", "asked to", "--actor", "bob")
    assert "500 rows erased" in told and "drift checks" in told
    assert not (tmp_path / "cache/stretches").exists()      # samples hold texts: none outlives an erasure
    assert int(told.split(" vectors of the trainer's cache")[0].split()[-1]) > 0      # what the look embedded


def test_without_a_look_there_is_no_dashboard(tmp_path, monkeypatch):
    monkeypatch.setenv("HYPERMATCH_TRAINER_REPORTS", str(tmp_path))
    done = CliRunner().invoke(cli, ["drift", "dashboard"])
    assert isinstance(done.exception, HyperMatchError) and "holds no look" in str(done.exception)


def test_people_fill_label_export_import_and_undo(hypermatch, tmp_path):
    def review(*arguments):
        return hypermatch("review", *arguments)

    task = ("--task", "intent")
    assert "40 texts added" in review("fill", *task, "--count", "40", "--people", "2", "--actor", "ann")
    first = json.loads(review("next", *task, "--actor", "ann", "--json"))
    assert set(first) == {"item", "text", "chosen", "why", "guess", "confidence"}
    assert json.loads(review("next", *task, "--actor", "ann", "--json", "--blind")) == {
        name: first[name] for name in ("item", "text", "chosen")}
    item = str(first["item"])
    assert review("answer", item, "card_arrival", "--actor", "ann") == f"item {item} is open\n"
    assert review("answer", item, "exchange_rate", "--actor", "bob") == f"item {item} is disputed\n"
    assert f"item {item}: " in review("next", *task, "--actor", "cyd")
    assert review("answer", item, "card_arrival", "--actor", "cyd") == f"item {item} is settled\n"
    assert f"item {item} is disputed" in review("undo", *task, "--actor", "cyd")
    for form in ("argilla", "label-studio"):
        file = tmp_path / f"{form}.json"
        assert "40 texts" in review("export", *task, "--format", form, "--labels-config", str(tmp_path / "c.xml"),
                                    str(file))
        assert "0 answers added, 2 unchanged" in review("import", *task, "--format", form, str(file))
    assert "<Choice value=" in (tmp_path / "c.xml").read_text()
    status = review("status", *task)
    assert "39 open, 1 disputed" in status and "ann, bob" in status
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(HyperMatchError, match=r"bad\.json is not JSON"):
        review("import", *task, "--format", "argilla", str(tmp_path / "bad.json"))


def _answer(url, seconds):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return json.load(response)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
