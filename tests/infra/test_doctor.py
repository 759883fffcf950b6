"""The doctor finds what is out of order, says how to mend it, and goes on after a finding."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.doctor.finding import examine
from infra.doctor.registry_checks import registry_checks
from registry.database import write
from registry.heartbeats import beat, stop_beating
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.runs import claim_run
from registry.lifecycle.versions import record_evaluation, record_gate, register_candidate
from registry.tasks import create_task
from tests.serving.bundles import tiny_bundle

WHO = {"actor": "ada", "reason": "good"}


@pytest.fixture
def installation(engine, store, now):
    """A registry with one task, whose v1 is champion."""
    with write(engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
        digest = tiny_bundle(store, "intents", ["a", "b"], seed=1)
        version = register_candidate(session, "intents", digest=digest, label_space=1, run_id=None,
                                     requested_by="ada", recipe={}, bank_version=None, code_revision="r", n_labels=2,
                                     now=now)
        record_evaluation(session, version, {"accuracy": 1.0}, now=now)
        record_gate(session, version, {"passed": True, "reasons": ["good"]}, now=now)
        approve(session, "intents", 1, **WHO, now=now)
        promote(session, "intents", 1, **WHO, now=now)
    return engine, store, digest


def findings(installation, now):
    engine, store, _ = installation
    return {finding.about: finding for finding in examine(registry_checks(engine, store, now))}


def ill(installation, now):
    return {about: finding.says for about, finding in findings(installation, now).items() if not finding.is_well}


def test_a_sound_installation_is_well(installation, now):
    assert ill(installation, now) == {}


def test_a_flipped_byte_in_an_artifact_is_found(installation, now):
    _, store, digest = installation
    model = Path(store.root) / digest / "model.onnx"
    content = bytearray(model.read_bytes())
    content[100] ^= 1
    model.write_bytes(content)
    assert "model.onnx does not match" in ill(installation, now)["artifacts"]


def test_a_changed_audit_entry_and_a_stray_alias_are_both_found(installation, now):
    engine, _, _ = installation
    with write(engine) as session:
        session.connection().execute(text("UPDATE auditentry SET actor = 'mallory' WHERE number = 2"))
        session.connection().execute(text("UPDATE alias SET version_number = 9 WHERE name = 'champion'"))
    found = ill(installation, now)
    assert "breaks at entry 2" in found["audit chain"] and "the alias names v9" in found["champions"]


def test_a_process_that_stopped_reporting_is_named_until_it_says_goodbye(installation, now):
    engine, _, _ = installation
    with write(engine) as session:
        beat(session, process="ingest@a:1", kind="ingest", interval_seconds=10, says={}, now=now)
    later = now + timedelta(minutes=5)
    assert "ingest@a:1 stopped reporting 300 s ago" in ill(installation, later)["processes"]
    with write(engine) as session:
        stop_beating(session, process="ingest@a:1", now=later)
    assert "processes" not in ill(installation, later)


def test_a_run_whose_worker_vanished_is_named(installation, now):
    engine, _, _ = installation
    with write(engine) as session:
        claim_run(session, "intents", worker="w", reason="r", actor="a", recipe={}, facts={}, now=now)
    assert "runs" not in ill(installation, now)
    assert "run 1 of intents has been silent" in ill(installation, now + timedelta(hours=1))["runs"]
