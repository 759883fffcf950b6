"""The life of a version: legal moves only, each audited, one champion per task."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from registry import audit
from registry.database import read, write
from registry.errors import IllegalMove, NotFound, Refused, RegistryError, Stale
from registry.lifecycle.aliases import alias_of, point_alias
from registry.lifecycle.promotion import (
    approve,
    promote,
    reject,
    request_approval,
    request_changes,
    roll_back,
    wanted,
)
from registry.lifecycle.stages import MOVES
from registry.lifecycle.versions import (
    champion_of,
    get_version,
    record_evaluation,
    record_gate,
    register_candidate,
    versions_trained_since,
)
from registry.tables import AliasName, ModelVersion, Stage
from registry.tasks import create_task

WHO = {"actor": "ada", "reason": "looks good"}


@pytest.fixture
def session(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
        yield session


def candidate(session: Session, now, digest: str = "d" * 64, bank_version: int | None = None) -> ModelVersion:
    return register_candidate(session, "intents", digest=digest, label_space=1, run_id=None, requested_by="ada",
                              recipe={}, bank_version=bank_version, code_revision="r", n_labels=2, now=now)


def awaiting(session: Session, now, digest: str = "d" * 64) -> ModelVersion:
    version = candidate(session, now, digest)
    record_evaluation(session, version, {"accuracy": 0.9}, now=now)
    record_gate(session, version, {"passed": True, "reasons": ["no champion yet"]}, now=now)
    return version


def champion(session: Session, now, digest: str = "d" * 64) -> ModelVersion:
    version = awaiting(session, now, digest)
    approve(session, "intents", version.number, **WHO, now=now)
    return promote(session, "intents", version.number, **WHO, now=now)


def test_a_version_is_numbered_evaluated_gated_approved_and_promoted(session, now):
    version = champion(session, now)
    assert (version.number, version.stage) == (1, Stage.CHAMPION)
    assert [w.version_number for w in wanted(session)] == [1]
    actions = [entry.action for entry in audit.entries(session, subject="intents v1")]
    assert actions == ["model:registered", "model:evaluated", "model:passed_gate", "model:approved", "model:promoted"]


def test_promoting_archives_the_champion_and_remembers_it_as_previous(session, now):
    champion(session, now)
    champion(session, now, "e" * 64)
    assert get_version(session, "intents", 1).stage is Stage.ARCHIVED
    assert alias_of(session, "intents", AliasName.PREVIOUS).version_number == 1
    assert champion_of(session, "intents").number == 2


def test_rolling_back_needs_no_new_approval_and_goes_to_the_previous_version(session, now):
    champion(session, now)
    champion(session, now, "e" * 64)
    assert roll_back(session, "intents", **WHO, now=now).number == 1
    assert roll_back(session, "intents", **WHO, now=now).number == 2
    assert champion_of(session, "intents").number == 2


def test_a_rejected_version_cannot_be_approved_or_promoted(session, now):
    version = awaiting(session, now)
    reject(session, "intents", version.number, **WHO, now=now)
    for decide in (approve, promote, reject, roll_back):
        with pytest.raises(IllegalMove, match="rejected"):
            decide(session, "intents", version.number, **WHO, now=now)


def test_deciding_twice_is_refused_and_leaves_one_audit_entry(session, now):
    version = awaiting(session, now)
    approve(session, "intents", version.number, **WHO, now=now)
    with pytest.raises(IllegalMove):
        approve(session, "intents", version.number, **WHO, now=now)
    promote(session, "intents", version.number, **WHO, now=now)
    with pytest.raises(IllegalMove):
        promote(session, "intents", version.number, **WHO, now=now)
    actions = [entry.action for entry in audit.entries(session, subject="intents v1")]
    assert actions.count("model:approved") == actions.count("model:promoted") == 1
    assert "model:archived" not in actions


def test_a_version_the_gate_refused_keeps_its_reasons(session, now):
    version = candidate(session, now)
    record_evaluation(session, version, {"accuracy": 0.1}, now=now)
    record_gate(session, version, {"passed": False, "reasons": ["worse than v1"]}, now=now)
    kept = get_version(session, "intents", version.number)
    assert kept.stage is Stage.REJECTED and kept.gate["reasons"] == ["worse than v1"]


def test_approval_is_bound_to_the_bytes_that_the_approver_saw(session, now):
    version = awaiting(session, now)
    with pytest.raises(Stale, match="digest"):
        approve(session, "intents", version.number, **WHO, now=now, digest="f" * 64)
    approve(session, "intents", version.number, **WHO, now=now, digest=version.digest)
    version.digest = "0" * 64
    with pytest.raises(Stale, match="other bytes"):
        promote(session, "intents", version.number, **WHO, now=now)


def test_with_four_eyes_the_requester_may_not_approve(session, now):
    version = awaiting(session, now)
    with pytest.raises(Refused, match="may not approve"):
        approve(session, "intents", version.number, **WHO, now=now, is_four_eyes=True)
    approve(session, "intents", version.number, actor="bo", reason="fine", now=now, is_four_eyes=True)


def test_changes_that_were_requested_wait_for_somebody_to_ask_for_approval_again(session, now):
    version = awaiting(session, now)
    request_changes(session, "intents", 1, actor="bo", reason="two classes fell", now=now)
    assert version.stage is Stage.CHANGES_REQUESTED
    for decide in (approve, promote, request_changes):
        with pytest.raises(IllegalMove):
            decide(session, "intents", 1, **WHO, now=now)
    request_approval(session, "intents", 1, actor="cy", reason="their gate labels were wrong", now=now)
    with pytest.raises(IllegalMove, match="only requested changes"):
        request_approval(session, "intents", 1, actor="cy", reason="again", now=now)
    with pytest.raises(Refused, match="cy asked for"):
        approve(session, "intents", 1, actor="cy", reason="mine", now=now, is_four_eyes=True)
    approve(session, "intents", 1, actor="bo", reason="seen", now=now, is_four_eyes=True)
    told = [(entry.action, entry.actor, entry.reason) for entry in audit.entries(session, subject="intents v1")]
    assert told[3:] == [("model:changes_requested", "bo", "two classes fell"),
                        ("model:approval_requested", "cy", "their gate labels were wrong"),
                        ("model:approved", "bo", "seen")]


def test_changes_are_requested_only_of_what_awaits_approval(session, now):
    candidate(session, now)
    champion(session, now, "e" * 64)
    for number in (1, 2):
        with pytest.raises(IllegalMove):
            request_changes(session, "intents", number, **WHO, now=now)


def test_a_decision_without_a_name_or_a_reason_is_refused(session, now):
    version = awaiting(session, now)
    with pytest.raises(Refused, match="reason"):
        approve(session, "intents", version.number, actor="ada", reason=" ", now=now)


def test_an_unknown_version_is_named(session, now):
    champion(session, now)
    with pytest.raises(NotFound, match="its newest is 1"):
        promote(session, "intents", 7, **WHO, now=now)


def test_an_alias_that_changed_meanwhile_is_stale(session, now):
    champion(session, now)
    with pytest.raises(Stale, match="somebody else"):
        point_alias(session, "intents", AliasName.CHAMPION, 1, generation=7, now=now)


def test_there_is_no_way_back_from_rejected_and_champions_only_come_from_approval_or_the_archive():
    assert MOVES[Stage.REJECTED] == frozenset()
    into_champion = {stage for stage, follow in MOVES.items() if Stage.CHAMPION in follow}
    assert into_champion == {Stage.APPROVED, Stage.ARCHIVED}


def test_versions_that_may_hold_forgotten_rows_are_found(session, now):
    candidate(session, now, bank_version=3)
    candidate(session, now, bank_version=5)
    candidate(session, now)
    assert [version.number for version in versions_trained_since(session, 4)] == [2]


def test_a_changed_audit_entry_breaks_the_chain(session, now):
    champion(session, now)
    assert audit.verify_chain(session) >= 5
    entry = next(iter(audit.entries(session, action="model:approved")))
    entry.actor = "mallory"
    session.flush()
    with pytest.raises(RegistryError, match=f"entry {entry.number}"):
        audit.verify_chain(session)


def test_a_failed_decision_writes_nothing(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
        version = awaiting(session, now)
    with pytest.raises(RuntimeError), write(any_engine) as session:
        approve(session, "intents", version.number, **WHO, now=now + timedelta(days=1))
        raise RuntimeError
    with read(any_engine) as session:
        assert get_version(session, "intents", 1).stage is Stage.AWAITING_APPROVAL
        assert not list(audit.entries(session, action="model:approved"))
