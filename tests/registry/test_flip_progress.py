"""How far a flip is: who holds the version and who is awaited, its moment, how it ended, and when that is old news."""

from datetime import timedelta

import pytest

from registry import audit
from registry.heartbeats import beat
from registry.lifecycle.flip_progress import TOLD_FOR, FlipState, flip_progress
from registry.lifecycle.flipping import advance, promote_together, roll_back_together
from registry.lifecycle.flips import give_up_flip
from registry.lifecycle.promotion import promote, reject, roll_back
from tests.registry.test_flips import SECOND, WHO, digest, server, session, settled  # noqa: F401  fixtures


@pytest.fixture
def two_servers(session, now):  # noqa: F811
    server(session, "a", 1, now=now)
    server(session, "b", 1, now=now)


def serve(session, name, number, now):  # noqa: F811
    beat(session, process=name, kind="server", interval_seconds=10, now=now,
         says={"holds": {"intents": [digest(number)]}, "serves": {"intents": number}, "poll_seconds": 2.0})
    session.flush()


def states(session, now, *tasks):  # noqa: F811
    return [None if found is None else (found.version_number, found.state)
            for found in (flip_progress(session, task, now) for task in tasks or ["intents"])]


def test_there_is_nothing_to_tell_where_nobody_asked_for_a_flip(session, now):  # noqa: F811
    assert states(session, now, "intents", "no such task") == [None, None]
    promote(session, "intents", 2, **WHO, now=now)
    assert states(session, now) == [None]


def test_who_holds_the_version_and_who_is_awaited_until_when_is_told(session, now, two_servers):  # noqa: F811
    promote_together(session, "intents", 2, **WHO, now=now, patience=60 * SECOND)
    server(session, "b", 1, 2, now=now)
    audit.record(session, action="model:swap_failed", subject="intents v2", actor="a", reason="no such file", now=now)
    found = flip_progress(session, "intents", now)
    assert (found.version_number, found.state, found.asked_by, found.reason, found.asked_at) == (
        2, FlipState.PREPARING, "ada", "let us see", now)
    assert (found.ready, found.awaited, found.share_ready) == (["b"], ["a"], 0.5)
    assert (found.until, found.goes_on_then, found.setbacks) == (now + 60 * SECOND, False, ["no such file"])


def test_the_moment_is_told_before_it_and_who_answers_after_it(session, now, two_servers):  # noqa: F811
    promote_together(session, "intents", 2, **WHO, now=now)
    server(session, "a", 1, 2, now=now)
    server(session, "b", 1, 2, now=now)
    advance(session, "intents", by="b", now=now)
    found = flip_progress(session, "intents", now + 3 * SECOND)
    assert (found.state, found.from_at, found.ended_by, found.asked_by) == (
        FlipState.APPOINTED, now + 4 * SECOND, "b", "ada")
    assert (found.ready, found.awaited, found.says) == ([], [], "all of 2 servers hold it")
    serve(session, "a", 2, now)
    serve(session, "b", 1, now)
    found = flip_progress(session, "intents", now + 4 * SECOND)
    assert (found.state, found.ready, found.awaited) == (FlipState.FLIPPED, ["a"], ["b"])


def test_a_roll_back_goes_on_without_the_awaited_and_says_without_whom(session, now, two_servers):  # noqa: F811
    promote(session, "intents", 2, **WHO, now=now)
    server(session, "a", 2, now=now)
    server(session, "b", 1, 2, now=now)
    roll_back_together(session, "intents", 1, **WHO, now=now, patience=5 * SECOND)
    assert flip_progress(session, "intents", now).goes_on_then
    advance(session, "intents", by="b", now=now + 5 * SECOND)
    found = flip_progress(session, "intents", now + 6 * SECOND)
    assert (found.version_number, found.state, found.says) == (1, FlipState.APPOINTED, "time is over, without a")


def test_who_gave_it_up_and_why_is_told_until_another_version_leads(session, now, two_servers):  # noqa: F811
    promote_together(session, "intents", 2, **WHO, now=now)
    give_up_flip(session, "intents", actor="bo", reason="not tonight", now=now + SECOND)
    found = flip_progress(session, "intents", now + SECOND)
    assert (found.version_number, found.state, found.ended_by, found.says, found.asked_by) == (
        2, FlipState.GIVEN_UP, "bo", "not tonight", "ada")
    assert (found.ready, found.awaited, found.ended_at) == ((), (), now + SECOND)
    promote(session, "intents", 3, **WHO, now=now - timedelta(hours=1))     # by a clock that is slow
    assert states(session, now) == [None]


def test_a_flip_that_another_promotion_or_a_rejection_ended_says_so(session, now, two_servers):  # noqa: F811
    promote_together(session, "intents", 2, **WHO, now=now)
    promote(session, "intents", 3, **WHO, now=now)
    assert flip_progress(session, "intents", now).says == "v3 is the champion now"
    promote_together(session, "intents", 2, **WHO, now=now)
    reject(session, "intents", 2, **WHO, now=now)
    assert (states(session, now), flip_progress(session, "intents", now).says) == (
        [(2, FlipState.GIVEN_UP)], "it was rejected")


def test_what_ended_long_ago_and_a_flip_that_was_undone_are_no_news(session, now, two_servers):  # noqa: F811
    promote_together(session, "intents", 2, **WHO, now=now)
    give_up_flip(session, "intents", **WHO, now=now)
    assert states(session, now + TOLD_FOR) == [(2, FlipState.GIVEN_UP)]
    assert states(session, now + TOLD_FOR + SECOND) == [None]
    for name in "ab":
        server(session, name, 1, 2, now=now)
    promote_together(session, "intents", 2, **WHO, now=now)
    assert states(session, now + TOLD_FOR) == [(2, FlipState.FLIPPED)], "the newest is told, not the one given up"
    assert states(session, now + TOLD_FOR + 5 * SECOND) == [None]
    promote_together(session, "intents", 3, **WHO, now=now)
    assert states(session, now) == [(3, FlipState.PREPARING)]
    give_up_flip(session, "intents", **WHO, now=now)
    assert states(session, now) == [(3, FlipState.GIVEN_UP)], "v2 leads, and v3 was tried since"
    roll_back(session, "intents", 1, **WHO, now=now)
    assert states(session, now) == [None]
