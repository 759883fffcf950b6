"""Flips: committed once every live server holds the version, given up when not, and never beside another decision."""

import threading
import time
from datetime import timedelta

import pytest

from registry import audit
from registry.database import database_time, write
from registry.errors import IllegalMove, Refused, Stale
from registry.heartbeats import beat, stop_beating
from registry.lifecycle.flipping import Act, advance, promote_together, roll_back_together
from registry.lifecycle.flips import flip_of, give_up_flip
from registry.lifecycle.promotion import approve, promote, reject, roll_back, wanted
from registry.lifecycle.versions import get_version, record_evaluation, record_gate, register_candidate
from registry.tables import AliasName, Stage
from registry.tasks import create_task

WHO = {"actor": "ada", "reason": "let us see"}
SECOND = timedelta(seconds=1)


@pytest.fixture
def settled(any_engine, now):
    """A registry with the champion v1, and v2 and v3 approved."""
    with write(any_engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
        for number in (1, 2, 3):
            made = register_candidate(session, "intents", digest=digest(number), label_space=1, run_id=None,
                                      requested_by="ada", recipe={}, bank_version=None, code_revision="r", n_labels=2,
                                      now=now)
            record_evaluation(session, made, {}, now=now)
            record_gate(session, made, {"passed": True, "reasons": ["so"]}, now=now)
            approve(session, "intents", number, **WHO, now=now)
        promote(session, "intents", 1, **WHO, now=now)
    return any_engine


@pytest.fixture
def session(settled):
    with write(settled) as session:
        yield session


def digest(number):
    return f"{number}" * 64


def server(session, name, *numbers, now, poll_seconds=2.0):
    beat(session, process=name, kind="server", interval_seconds=10, now=now,
         says={"holds": {"intents": [digest(number) for number in numbers]}, "poll_seconds": poll_seconds})
    session.flush()


def champion(session):
    return next(each for each in wanted(session))


def reasons(session, action):
    return [entry.reason for entry in audit.entries(session, action=action)]


def test_a_flip_is_committed_once_every_live_server_holds_the_version(session, now):
    server(session, "a", 1, now=now)
    server(session, "b", 1, now=now, poll_seconds=3.0)
    assert promote_together(session, "intents", 2, **WHO, now=now).act is Act.WAIT
    server(session, "a", 1, 2, now=now)
    waiting = advance(session, "intents", by="a", now=now + SECOND)
    assert waiting.act is Act.WAIT and waiting.reason == "1 of 2 servers prepare it: b"
    assert champion(session).version_number == 1
    server(session, "b", 1, 2, now=now, poll_seconds=3.0)
    done = advance(session, "intents", by="b", now=now + SECOND)
    assert (done.act, done.from_at) == (Act.COMMIT, now + 7 * SECOND), "two of the longest polls later"
    assert (champion(session).version_number, champion(session).from_at) == (2, now + 7 * SECOND)
    assert flip_of(session, "intents") is None and advance(session, "intents", by="a", now=now).act is Act.WAIT
    assert reasons(session, "model:flipped") == ["all of 2 servers hold it"]
    assert [entry.actor for entry in audit.entries(session, action="model:promoted")] == ["ada", "ada"]
    assert audit.verify_chain(session)


@pytest.mark.parametrize("n_servers", [0, 1])
def test_where_no_two_servers_live_a_promotion_is_immediate(session, now, n_servers):
    for number in range(n_servers):
        server(session, f"s{number}", 1, now=now)
    assert promote_together(session, "intents", 2, **WHO, now=now).from_at is None
    assert (champion(session).version_number, champion(session).from_at) == (2, None)


def test_a_server_that_dies_or_stops_is_not_waited_for_and_one_that_joins_is(session, now):
    for name in "abc":
        server(session, name, 1, now=now)
    promote_together(session, "intents", 2, **WHO, now=now)
    later = now + 31 * SECOND                         # c missed three beats
    server(session, "a", 1, 2, now=later)
    server(session, "b", 1, 2, now=later)
    server(session, "d", now=later)
    assert "1 of 3 servers prepare it: d" in advance(session, "intents", by="a", now=later).reason
    stop_beating(session, process="d", now=later)
    session.flush()
    assert advance(session, "intents", by="a", now=later).act is Act.COMMIT


def test_a_promotion_that_a_server_cannot_prepare_is_given_up_and_what_served_goes_on(session, now):
    server(session, "a", 1, 2, now=now)
    server(session, "b", 1, now=now)
    promote_together(session, "intents", 2, **WHO, now=now, patience=5 * SECOND)
    assert advance(session, "intents", by="a", now=now + 4 * SECOND).act is Act.WAIT
    assert advance(session, "intents", by="a", now=now + 5 * SECOND).act is Act.GIVE_UP
    assert champion(session).version_number == 1 and flip_of(session, "intents") is None
    assert get_version(session, "intents", 2).stage is Stage.APPROVED
    assert reasons(session, "model:flip_given_up") == ["time is over and b did not prepare it; what served goes on"]


def test_a_promotion_that_nobody_saw_to_in_time_is_given_up_even_if_all_hold_the_version_now(session, now):
    server(session, "a", 1, now=now)
    server(session, "b", 1, now=now)
    promote_together(session, "intents", 2, **WHO, now=now, patience=5 * SECOND)
    much_later = now + timedelta(days=3)
    server(session, "c", 1, 2, now=much_later)
    assert advance(session, "intents", by="c", now=much_later).act is Act.GIVE_UP
    assert reasons(session, "model:flip_given_up") == ["time is over; what served goes on"]
    assert champion(session).version_number == 1


def test_a_roll_back_is_committed_at_once_where_all_hold_the_version_and_else_without_the_last(session, now):
    promote(session, "intents", 2, **WHO, now=now)
    server(session, "a", 1, 2, now=now)
    server(session, "b", 1, 2, now=now)
    assert roll_back_together(session, "intents", **WHO, now=now).from_at == now + 4 * SECOND
    assert champion(session).version_number == 1
    server(session, "b", 1, now=now)                  # it was started anew and does not hold v2
    assert roll_back_together(session, "intents", 2, **WHO, now=now, patience=5 * SECOND).act is Act.WAIT
    assert advance(session, "intents", by="a", now=now + 5 * SECOND).reason == "time is over, without b"
    assert champion(session).version_number == 2


def test_any_other_decision_ends_a_flip(session, now):
    server(session, "a", 1, now=now)
    server(session, "b", 1, now=now)
    promote_together(session, "intents", 2, **WHO, now=now)
    with pytest.raises(IllegalMove, match=r"v2 is being prepared already; wait, or `hypermatch models give-up"):
        promote_together(session, "intents", 3, **WHO, now=now)
    promote(session, "intents", 3, **WHO, now=now)
    assert flip_of(session, "intents") is None and champion(session).from_at is None
    promote_together(session, "intents", 2, **WHO, now=now)
    reject(session, "intents", 2, **WHO, now=now)
    server(session, "a", 3, now=now)                  # nor is v1 held any more: it would be committed at once
    roll_back_together(session, "intents", 1, **WHO, now=now)
    assert give_up_flip(session, "intents", **WHO, now=now) == 1
    assert give_up_flip(session, "intents", **WHO, now=now) is None
    roll_back(session, "intents", 1, **WHO, now=now)
    assert reasons(session, "model:flip_given_up") == ["v3 is the champion now", "it was rejected", "let us see"]


def test_what_an_ordinary_promotion_or_roll_back_refuses_is_not_prepared_either(session, now):
    with pytest.raises(IllegalMove, match="champion and cannot become champion"):
        promote_together(session, "intents", 1, **WHO, now=now)
    with pytest.raises(IllegalMove, match="v2 never was champion"):
        roll_back_together(session, "intents", 2, **WHO, now=now)
    with pytest.raises(IllegalMove, match="has no version to roll back to"):
        roll_back_together(session, "intents", **WHO, now=now)
    with pytest.raises(Refused, match="a reason"):
        promote_together(session, "intents", 2, actor="ada", reason=" ", now=now)
    promote(session, "intents", 3, **WHO, now=now)
    with pytest.raises(IllegalMove, match=r"v1 is archived; `hypermatch models rollback intents 1`"):
        promote_together(session, "intents", 1, **WHO, now=now)
    get_version(session, "intents", 2).digest = digest(7)
    with pytest.raises(Stale, match="other bytes"):
        promote_together(session, "intents", 2, **WHO, now=now)


def test_of_two_servers_that_commit_one_succeeds(session, now):
    server(session, "a", 1, now=now)
    server(session, "b", 1, now=now)
    promote_together(session, "intents", 2, **WHO, now=now)
    flip = flip_of(session, "intents")
    assert flip.name is AliasName.NEXT
    server(session, "a", 1, 2, now=now)
    server(session, "b", 1, 2, now=now)
    assert advance(session, "intents", by="a", now=now).act is Act.COMMIT
    assert advance(session, "intents", by="b", now=now).act is Act.WAIT
    assert len(reasons(session, "model:flipped")) == 1


def test_of_two_people_who_ask_at_once_one_succeeds(settled, now):
    with write(settled) as session:
        server(session, "a", 1, now=now)
        server(session, "b", 1, now=now)
    together, told = threading.Barrier(2), []

    def ask(number):
        together.wait()
        try:
            with write(settled) as session:
                told.append(promote_together(session, "intents", number, **WHO, now=now).act)
                time.sleep(0.2)                       # the other one asks before this is committed
        except (IllegalMove, Stale):
            told.append("refused")

    people = [threading.Thread(target=ask, args=(number,)) for number in (2, 3)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert sorted(told) == ["refused", Act.WAIT]


def test_the_database_tells_one_time_to_all(session):
    first, second = database_time(session), database_time(session)
    assert first <= second and first.tzinfo is not None and second - first < timedelta(minutes=1)
