"""What people watch is bounded, kept once, and erased with the texts it shows."""

from datetime import date, timedelta

import pytest

from registry.accounts.roles import Person, Role
from registry.acts import begin_try, request_discovery
from registry.audit import entries
from registry.database import read, write
from registry.errors import NotAllowed, NotFound, Refused
from registry.lifecycle.runs import abandon_stale_runs, claim_run, fail_run
from registry.lifecycle.versions import register_candidate
from registry.prompt_trials import ACTION, MAX_TRIES
from registry.prompts import save_prompt
from registry.tables import RunKind, Stage
from registry.tasks import create_task
from registry.watching.bank_days import MAX_DAYS, bank_days, keep_bank_days
from registry.watching.dead_letters import MAX_NOTES, count_dead_letters, list_dead_letters, note_dead_letters
from registry.watching.discovery_requests import (
    answer_request,
    broken_off,
    last_answer,
    requested_discovery,
    still_waits,
)
from registry.watching.maps import MAX_POINTS, forget_maps, keep_map, map_of
from registry.watching.run_lines import FULL, MAX_CHARS, MAX_LINES, Line, keep_lines, lines_of
from registry.watching.tables import DeadLetterNote, DiscoveryMap, DiscoveryRequest

LARS, ADA = Person("lars", Role.LABELER), Person("ada", Role.APPROVER)


@pytest.fixture
def session(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intent", ["a", "b"], actor="ann", now=now)
        yield session


def note(offset, at, reason="no JSON"):
    return DeadLetterNote(topic="t", partition=0, offset=offset, reason=reason, n_bytes=3, at=at)


def drawn(now, bank_version, n_points=2):
    points = [{"x": 0.1, "y": 0.2, "text": "a text", "label": "a", "novelty": 0.5, "proposal": None}] * n_points
    return DiscoveryMap(task="intent", at=now, bank_version=bank_version, version_number=1, n_texts=9, points=points)


def test_a_run_keeps_its_first_lines_and_says_where_more_are(session, now):
    run = claim_run(session, "intent", worker="w", reason="r", actor="a", recipe={}, facts={}, now=now).id
    assert keep_lines(session, run, [Line(now, "INFO", "x" * 9_000 + "\0")]) == 1
    assert keep_lines(session, run, [Line(now, "INFO", str(i)) for i in range(MAX_LINES)]) == MAX_LINES - 1
    assert keep_lines(session, run, [Line(now, "INFO", "late")]) == 0
    found = lines_of(session, run)
    assert len(found) == MAX_LINES and found[-1].says == FULL and len(found[0].says) == MAX_CHARS
    assert [line.says for line in lines_of(session, run, after=found[-3].id)] == [str(MAX_LINES - 3), FULL]


def test_a_dead_letter_is_noted_once_and_the_oldest_notes_go(session, now):
    note_dead_letters(session, [note(7, now), note(8, now)])
    note_dead_letters(session, [note(7, now, "read again")])
    assert [(each.offset, each.reason) for each in list_dead_letters(session)] == [(8, "no JSON"), (7, "read again")]
    note_dead_letters(session, [note(2**40 + i, now + timedelta(seconds=i + 1)) for i in range(MAX_NOTES)])
    assert count_dead_letters(session, now - timedelta(days=1)) == MAX_NOTES
    assert list_dead_letters(session, limit=1)[0].offset == 2**40 + MAX_NOTES - 1


def test_a_map_replaces_the_one_before_and_goes_with_the_texts_that_it_shows(session, now):
    keep_map(session, drawn(now, 5))
    keep_map(session, drawn(now, 9))
    forget_maps(session, 10)
    assert map_of(session, "intent").bank_version == 9
    forget_maps(session, 9)
    session.expire_all()
    assert map_of(session, "intent") is None
    with pytest.raises(ValueError, match="at most"):
        keep_map(session, drawn(now, 9, MAX_POINTS + 1))


def test_counting_again_leaves_nothing_of_what_was_erased(session):
    first = date(2025, 1, 1)
    keep_bank_days(session, {"intent": {first + timedelta(days=i): i + 1 for i in range(MAX_DAYS + 9)}, "nobodys": {}})
    assert len(bank_days(session, "intent")) == MAX_DAYS
    keep_bank_days(session, {"intent": {first: 3}, "nobodys": {first: 4}})
    assert [(each.day, each.n_texts) for each in bank_days(session, "intent")] == [(first, 3)]
    assert bank_days(session, "nobodys") == []


def test_trying_a_prompt_is_audited_without_the_text_and_has_its_hourly_measure(session, now):
    save_prompt(session, {"name": "ask", "use": "label", "language": "en"}, actor="ann", now=now)
    save_prompt(session, {"name": "write", "use": "generate", "language": "en"}, actor="ann", now=now)
    for _ in range(MAX_TRIES):
        assert begin_try(session, LARS, "ask", None, "intent", "where is my card?", now=now) == 1
    with pytest.raises(Refused, match="within the hour"):
        begin_try(session, LARS, "ask", 1, "intent", "once more", now=now)
    assert begin_try(session, LARS, "ask", 1, "intent", "later", now=now + timedelta(hours=1, seconds=1)) == 1
    assert "card" not in str([entry.model_dump() for entry in entries(session, action=ACTION)])
    for name, task, text, error in (("write", "intent", "x", Refused), ("ask", "nope", "x", NotFound),
                                    ("nope", "intent", "x", NotFound), ("ask", "intent", " ", Refused),
                                    ("ask", "intent", "x" * 2_001, Refused)):
        with pytest.raises(error):
            begin_try(session, Person("ada", Role.APPROVER), name, None, task, text, now=now)
    with pytest.raises(NotAllowed):
        begin_try(session, Person("vera", Role.VIEWER), "ask", None, "intent", "x", now=now)


def test_what_is_watched_survives_the_transaction(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intent", ["a", "b"], actor="ann", now=now)
        keep_map(session, drawn(now, 5))
    with read(any_engine) as session:
        assert map_of(session, "intent").points[0]["text"] == "a text"


def test_a_discovery_is_asked_for_once_and_answered_once(session, now):
    with pytest.raises(Refused, match="no champion"):
        request_discovery(session, ADA, "intent", reason="new kinds", now=now)
    version = register_candidate(session, "intent", digest="1" * 64, label_space=1, run_id=None, requested_by="t",
                                 recipe={}, bank_version=1, code_revision="", n_labels=2, now=now)
    version.stage = Stage.CHAMPION
    session.flush()
    for reason in ("new kinds", "again"):
        assert request_discovery(session, ADA, "intent", reason=reason, now=now).reason == "new kinds"
    with pytest.raises(NotAllowed):
        request_discovery(session, LARS, "intent", reason="me too", now=now)
    asked = requested_discovery(session, "intent")
    assert asked.actor == "ada" and still_waits(session, asked)
    answer_request(session, "intent", says="2 classes proposed", actor="trainer", now=now)
    assert requested_discovery(session, "intent") is None and not still_waits(session, asked)
    assert last_answer(session, "intent").reason == "2 classes proposed"
    assert len(list(entries(session, action="discovery:requested"))) == 1


def test_only_discoveries_that_ended_with_their_trainer_since_the_request_count_as_broken_off(session, now):
    asked = DiscoveryRequest(task="intent", actor="ada", reason="new kinds", at=now)
    session.add(asked)
    for kind, hours in ((RunKind.DISCOVERY, -1), (RunKind.TRAINING, 1), (RunKind.DISCOVERY, 1), (RunKind.DISCOVERY, 2)):
        at = now + timedelta(hours=hours)
        claim_run(session, "intent", worker="w", reason="r", actor="a", recipe={}, facts={}, now=at, kind=kind)
        abandon_stale_runs(session, silent_for=timedelta(minutes=1), now=at + timedelta(minutes=2))
    run = claim_run(session, "intent", worker="w", reason="r", actor="a", recipe={}, facts={}, now=now,
                    kind=RunKind.DISCOVERY)
    fail_run(session, run.id, outcome="interrupted", now=now)
    assert broken_off(session, asked) == 2
