"""Trials: who may stand beside the champion, each start and end audited, and none outlives its decision."""

from datetime import timedelta

import pytest

from registry import audit
from registry.database import write
from registry.errors import IllegalMove, NotFound, Refused, Stale
from registry.lifecycle.aliases import alias_of, drop_alias
from registry.lifecycle.promotion import approve, promote, reject, roll_back, wanted
from registry.lifecycle.trials import TRIALS, end_trial, start_trial
from registry.lifecycle.versions import record_evaluation, record_gate, register_candidate
from registry.tables import AliasName, Stage
from registry.tasks import create_task

WHO = {"actor": "ada", "reason": "let us see"}
CHALLENGER, CANARY = AliasName.CHALLENGER, AliasName.CANARY


@pytest.fixture
def session(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
        yield session


def version(session, now, stage=Stage.APPROVED):
    made = register_candidate(session, "intents", digest="d" * 64, label_space=1, run_id=None, requested_by="ada",
                              recipe={}, bank_version=None, code_revision="r", n_labels=2, now=now)
    if stage is Stage.CANDIDATE:
        return made.number
    record_evaluation(session, made, {}, now=now)
    if stage is Stage.EVALUATED:
        return made.number
    record_gate(session, made, {"passed": stage is not Stage.REJECTED, "reasons": ["so"]}, now=now)
    if stage in (Stage.APPROVED, Stage.CHAMPION):
        approve(session, "intents", made.number, **WHO, now=now)
    if stage is Stage.CHAMPION:
        promote(session, "intents", made.number, **WHO, now=now)
    return made.number


def start(session, number, name, now, **more):
    return start_trial(session, "intents", number, name, **{**WHO, **more}, now=now)


def trials(session):
    return {each.alias: (each.version_number, each.share) for each in wanted(session, TRIALS)}


def told(session, action):
    return [(entry.subject, entry.details["alias"]) for entry in audit.entries(session, action=action)]


def test_challenger_and_canary_stand_beside_a_champion_that_stays(session, now):
    version(session, now, Stage.CHAMPION)
    start(session, version(session, now, Stage.AWAITING_APPROVAL), CHALLENGER, now)
    start(session, version(session, now), CANARY, now, share=0.1)
    assert trials(session) == {CHALLENGER: (2, 1.0), CANARY: (3, 0.1)}
    assert [each.version_number for each in wanted(session)] == [1]
    assert told(session, "model:trial_started") == [("intents v2", "challenger"), ("intents v3", "canary")]
    audit.verify_chain(session)


@pytest.mark.parametrize("name", [CHALLENGER, CANARY])
def test_only_what_the_table_allows_may_be_tried(session, now, name):
    share, n_started = 0.5 if name is CANARY else None, 0
    for stage in (Stage.CHAMPION, Stage.CANDIDATE, Stage.EVALUATED, Stage.AWAITING_APPROVAL, Stage.APPROVED,
                  Stage.REJECTED):
        number = version(session, now, stage)
        if stage in TRIALS[name]:
            start(session, number, name, now, share=share)
            n_started += 1
            continue
        with pytest.raises(IllegalMove, match=f"{stage.value} and cannot be the {name.value}"):
            start(session, number, name, now, share=share)
    assert len(told(session, "model:trial_started")) == n_started > 0


def test_a_former_champion_may_be_tried_again(session, now):
    version(session, now, Stage.CHAMPION)
    version(session, now, Stage.CHAMPION)
    start(session, 1, CANARY, now, share=0.3)
    assert trials(session) == {CANARY: (1, 0.3)}


def test_a_canary_needs_a_share_between_none_and_all(session, now):
    version(session, now, Stage.CHAMPION)
    number = version(session, now)
    for share in (None, 0, 1, -0.1, 2, float("nan")):
        with pytest.raises(Refused, match="between 0 and 1"):
            start(session, number, CANARY, now, share=share)
    with pytest.raises(Refused, match="has no share"):
        start(session, number, CHALLENGER, now, share=0.5)


def test_without_a_champion_there_is_nothing_to_try_beside(session, now):
    with pytest.raises(IllegalMove, match="no champion"):
        start(session, version(session, now), CHALLENGER, now)


def test_starting_the_same_trial_twice_is_refused_and_another_share_is_a_change(session, now):
    version(session, now, Stage.CHAMPION)
    number = version(session, now)
    start(session, number, CANARY, now, share=0.1)
    with pytest.raises(IllegalMove, match="the canary already"):
        start(session, number, CANARY, now, share=0.1)
    start(session, number, CANARY, now, share=0.5)
    assert trials(session) == {CANARY: (number, 0.5)} and len(told(session, "model:trial_started")) == 2


def test_a_trial_ends_once(session, now):
    version(session, now, Stage.CHAMPION)
    start(session, version(session, now), CHALLENGER, now)
    assert end_trial(session, "intents", CHALLENGER, **WHO, now=now) == 2
    with pytest.raises(NotFound, match="no challenger"):
        end_trial(session, "intents", CHALLENGER, **WHO, now=now)
    with pytest.raises(Refused, match="no trial"):
        end_trial(session, "intents", AliasName.CHAMPION, **WHO, now=now)
    assert trials(session) == {} and told(session, "model:trial_ended") == [("intents v2", "challenger")]


@pytest.mark.parametrize("decide", [promote, reject])
def test_a_decision_on_a_version_ends_its_trials_and_no_others(session, now, decide):
    version(session, now, Stage.CHAMPION)
    number, other = version(session, now), version(session, now)
    start(session, number, CANARY, now, share=0.1)
    start(session, other, CHALLENGER, now)
    decide(session, "intents", number, **WHO, now=now)
    assert trials(session) == {CHALLENGER: (other, 1.0)}
    assert told(session, "model:trial_ended") == [(f"intents v{number}", "canary")]


def test_rolling_back_to_a_canary_ends_its_trial(session, now):
    version(session, now, Stage.CHAMPION)
    version(session, now, Stage.CHAMPION)
    start(session, 1, CANARY, now, share=0.3)
    roll_back(session, "intents", 1, **WHO, now=now)
    assert trials(session) == {}


def test_a_trial_that_changed_meanwhile_is_stale(session, now):
    version(session, now, Stage.CHAMPION)
    number = version(session, now)
    start(session, number, CANARY, now, share=0.1)
    seen = alias_of(session, "intents", CANARY)
    session.expunge(seen)                             # as another process read it
    start(session, number, CANARY, now + timedelta(minutes=1), share=0.5)
    with pytest.raises(Stale, match="somebody else"):
        drop_alias(session, seen)
    assert trials(session) == {CANARY: (number, 0.5)}


def test_a_trial_needs_a_name_and_a_reason(session, now):
    version(session, now, Stage.CHAMPION)
    number = version(session, now)
    for who in ({"actor": " "}, {"reason": ""}):
        with pytest.raises(Refused, match="reason"):
            start(session, number, CHALLENGER, now, **who)
