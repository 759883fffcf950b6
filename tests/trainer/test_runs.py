"""A run from labels to a version that awaits approval; and what happens when it does not get there."""

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import numpy as np
import pytest

from ingest.bank.tally import Tally
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.database import read, write
from registry.errors import HyperMatchError
from registry.labels import import_labels
from registry.leases import acquire
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.runs import list_runs, request_run
from registry.lifecycle.versions import list_versions
from registry.tables import Lease, Part, RunState, Stage
from registry.watching.run_lines import lines_of
from tests.trainer.conftest import LABELS, fill
from trainer.errors import Interrupted, LeaseLost, NotTrainable
from trainer.holding import lease_name
from trainer.learning.head import Head
from trainer.learning.interpolation import interpolated
from trainer.run import run_once
from trainer.run_log import RunLog
from trainer.scheduler.decide import Triggers
from trainer.scheduler.loop import Trainer

RECIPE = """
encoder = "subword"
[subword]
dimensions = 32
n_buckets = 4096
n_max = 3
epochs = {epochs}
batch_rows = 32
"""


def train(workplace, recipe, task="intent", stop=None, **more):
    return run_once(workplace, task, recipe, reason="test", actor="ann", facts={}, stop=stop or Event(), **more)


def runs(engine):
    with read(engine) as session:
        return list_runs(session)


def test_a_run_ends_in_a_version_that_awaits_approval_with_its_lineage(workplace, task, recipe):
    outcome = train(workplace, recipe)

    version = outcome.version
    assert version.stage is Stage.AWAITING_APPROVAL and version.n_labels == 40
    assert version.recipe == recipe.to_dict() and version.code_revision == "test"
    assert version.evaluation["n_texts"] == 60 and version.evaluation["accuracy"]["value"] > 0.6
    assert version.gate["passed"] and runs(workplace.engine)[0].state is RunState.SUCCEEDED
    with read(workplace.engine) as session:
        lines = [line.says for line in lines_of(session, version.run_id)]
    assert lines[0].startswith("40 train labels and 60 gate labels") and "embedding took" in " ".join(lines)
    assert any(line.startswith("learned as ") for line in lines) and lines[-1].startswith("gate: ")


def test_a_run_that_fails_leaves_its_reason_among_its_lines(workplace, recipe, banking):
    fill(workplace.engine, {LABELS[0]: banking[LABELS[0]]})
    with pytest.raises(NotTrainable):
        train(workplace, recipe)
    with read(workplace.engine) as session:
        last = lines_of(session, runs(workplace.engine)[0].id)[-1]
    assert last.level == "WARNING" and "at least 2 are needed" in last.says
    assert not [each for each in logging.getLogger("hypermatch").handlers if isinstance(each, RunLog)]


def test_a_later_candidate_is_measured_against_the_champion(workplace, task, recipe, now):
    first = train(workplace, recipe).version
    with write(workplace.engine) as session:
        approve(session, task, first.number, actor="bob", reason="good", now=now)
        promote(session, task, first.number, actor="bob", reason="good", now=now)

    second = train(workplace, recipe).version

    assert {"not worse than the champion", "few negative flips", "no class weakened", "as quick as the champion",
            "as small as the champion"} <= {check["name"] for check in second.gate["checks"]}


def test_a_head_takes_its_share_of_the_champions_weights_for_the_labels_both_know(workplace, task, recipe):
    bundle = load_bundle(workplace.store, train(workplace, recipe).version.digest)
    d = recipe.subword.dimensions + recipe.subword.context_dimensions
    blank = Head(weight=np.zeros((5, d), np.float32), bias=np.zeros(5, np.float32), temperature=2.0,
                 prototypes=np.eye(5, d, dtype=np.float32), facts={})

    mixed = interpolated(blank, [*LABELS, "new"], bundle.facts.encoder, bundle, 0.5)

    whole = interpolated(blank, LABELS, bundle.facts.encoder, bundle, 0.999999)
    assert mixed.weight[:4] == pytest.approx(whole.weight[:4] / 2, rel=1e-3) and not mixed.weight[4].any()
    assert np.abs(whole.weight[:4]).max() > 0.1
    assert interpolated(blank, LABELS, "another encoder", bundle, 0.5) is blank


def test_a_recipe_may_ask_for_a_share_of_the_champion(workplace, task, recipe, now):
    first = train(workplace, recipe).version
    with write(workplace.engine) as session:
        approve(session, task, first.number, actor="bob", reason="good", now=now)
        promote(session, task, first.number, actor="bob", reason="good", now=now)

    second = train(workplace, replace(recipe, head=replace(recipe.head, champion_share=0.5))).version

    assert second.evaluation["head"]["champion_share"] == 0.5


def test_without_gate_labels_a_candidate_is_refused_and_the_way_out_is_told(workplace, recipe, banking):
    from tests.trainer.conftest import fill

    fill(workplace.engine, banking, n_gate=0)
    version = train(workplace, recipe).version

    assert version.stage is Stage.REJECTED and "--part gate" in version.gate["reasons"][0]


def test_labels_of_one_class_end_the_run_with_that_reason(workplace, recipe, banking):
    from tests.trainer.conftest import fill

    fill(workplace.engine, {LABELS[0]: banking[LABELS[0]]})
    with pytest.raises(NotTrainable):
        train(workplace, recipe)

    assert "at least 2 are needed" in runs(workplace.engine)[0].outcome


def test_a_run_told_to_stop_is_marked_interrupted_and_the_next_tick_starts_again(workplace, task, recipe, tmp_path):
    stop = Event()
    with pytest.raises(Interrupted):
        train(workplace, recipe, stop=stop, watch=lambda step, _done: stop.set() if step == "embedding" else None)
    assert runs(workplace.engine)[0].outcome == "interrupted"

    trainer_of(workplace, tmp_path).tick()

    assert runs(workplace.engine)[0].state is RunState.SUCCEEDED


def test_who_does_not_hold_the_lease_does_not_train(workplace, task, recipe):
    with write(workplace.engine) as session:
        acquire(session, lease_name(task), "another", duration=timedelta(seconds=60), now=datetime.now(UTC))

    with pytest.raises(LeaseLost, match="another trainer"):
        train(workplace, recipe)
    assert runs(workplace.engine) == []


def test_a_trainer_that_lost_its_lease_registers_nothing(workplace, task, recipe):
    def lose_it(step, _done):
        if step == "evaluation":
            now = datetime.now(UTC)
            with write(workplace.engine) as session:
                session.get_one(Lease, lease_name(task)).expires_at = now      # as if this trainer had slept
                assert acquire(session, lease_name(task), "another", duration=timedelta(seconds=60), now=now)

    with pytest.raises(LeaseLost):
        train(workplace, recipe, watch=lose_it)
    with read(workplace.engine) as session:
        assert list_versions(session, task) == []


def trainer_of(workplace, folder, new_labels=20):
    (folder / "recipes").mkdir(exist_ok=True)
    (folder / "recipes/intent.toml").write_text(RECIPE.format(epochs=1))
    return Trainer(workplace, Triggers(new_labels, 1_000, timedelta(seconds=60)), folder / "recipes", Event(),
                   Tally(workplace.bank))


def test_the_loop_trains_on_new_labels_once_and_then_when_asked(workplace, task, tmp_path, banking):
    trainer = trainer_of(workplace, tmp_path)
    trainer.tick()
    trainer.tick()
    assert len(runs(workplace.engine)) == 1 and "40 new labels" in runs(workplace.engine)[0].reason

    with write(workplace.engine) as session:
        request_run(session, task, actor="ann", reason="please", now=datetime.now(UTC))
    trainer.tick()
    with write(workplace.engine) as session:
        rows = [(text, label) for label in LABELS for text in banking[label][30:36]]
        import_labels(session, task, rows, part=Part.TRAIN, actor="ann", origin="t", now=datetime.now(UTC))
    trainer.tick()

    assert [run.reason for run in runs(workplace.engine)] == [
        "24 new labels, 20 are enough", "please", "40 new labels, 20 are enough"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False,
                             capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk to fill")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("what", ["store", "cache"])
def test_a_full_disk_ends_the_run_with_a_clear_reason_and_leaves_nothing_half_written(what, small_disk, workplace,
                                                                                     task, recipe):
    store = ArtifactStore(str(small_disk))
    cramped = replace(workplace, **({"store": store} if what == "store" else {"cache": small_disk}))
    with pytest.raises(HyperMatchError, match="no space left"):
        train(cramped, recipe)

    assert "no space left" in runs(workplace.engine)[0].outcome
    assert list(store.digests()) == [] and not [file for file in small_disk.rglob("*") if file.is_file()
                                               and ("partial" in file.name or what == "store")]


def start_trainer(folder, url):
    environment = {**os.environ, "HYPERMATCH_REGISTRY_URL": url, "HYPERMATCH_REGISTRY_ARTIFACTS": f"{folder}/artifacts",
                   "HYPERMATCH_INGEST_BANK": f"{folder}/bank", "HYPERMATCH_TRAINER_CACHE": f"{folder}/cache",
                   "HYPERMATCH_TRAINER_RECIPES": f"{folder}/recipes", "HYPERMATCH_TRAINER_TICK_SECONDS": "0.5",
                   "HYPERMATCH_TRAINER_LEASE_SECONDS": "3", "HYPERMATCH_TRAINER_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "infra", "trainer", "run"], env=environment)


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def test_two_trainers_make_one_run(workplace, task, tmp_path, registry_url):
    trainer_of(workplace, tmp_path)
    processes = [start_trainer(tmp_path, registry_url) for _ in range(2)]
    try:
        wait_for(lambda: any(run.state is RunState.SUCCEEDED for run in runs(workplace.engine)))
        time.sleep(3)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(60) for process in processes]

    assert [run.state for run in runs(workplace.engine)] == [RunState.SUCCEEDED] and codes == [0, 0]


def test_a_trainer_killed_in_mid_run_is_replaced_by_the_next(workplace, task, tmp_path, registry_url):
    trainer_of(workplace, tmp_path)
    (tmp_path / "recipes/intent.toml").write_text(RECIPE.format(epochs=100) + 'ngram_dropout = 0.5\n')
    first = start_trainer(tmp_path, registry_url)
    wait_for(lambda: any(run.state is RunState.RUNNING for run in runs(workplace.engine)))
    first.kill()
    first.wait()
    (tmp_path / "recipes/intent.toml").write_text(RECIPE.format(epochs=1))
    second = start_trainer(tmp_path, registry_url)
    try:
        wait_for(lambda: any(run.state is RunState.SUCCEEDED for run in runs(workplace.engine)))
    finally:
        second.send_signal(signal.SIGTERM)
        second.wait(60)

    newest, oldest = runs(workplace.engine)
    assert oldest.outcome.startswith("abandoned") and "again after an interruption" in newest.reason
