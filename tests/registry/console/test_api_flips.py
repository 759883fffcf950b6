"""All servers together by the API: asked for, followed and given up by programs, as the document says."""

import pytest
import schemathesis

from registry.audit import entries
from registry.database import database_time, read, write
from registry.lifecycle.flipping import advance
from registry.lifecycle.promotion import approve
from tests.registry.console.test_api import program  # noqa: F401  fixture
from tests.registry.console.test_flip_pages import serve

V1, V2, FOLLOW = (f"/api/v1/tasks/intents/{where}" for where in ("versions/1", "versions/2", "flip"))
TOGETHER = {"seen": "approved", "reason": "CI is green", "is_together": True, "within_seconds": 60}


@pytest.fixture
def servers(engine, now):
    with write(engine) as session:
        approve(session, "intents", 2, actor="ada", reason="good", now=now)
    serve(engine, "server@a:1", 1)
    serve(engine, "server@b:2", 1)


@pytest.fixture
def document(app):
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


def followed(client):
    return client.get(FOLLOW).json()["flip"]


def test_a_program_asks_all_servers_once_follows_them_and_sees_the_moment(program, engine, servers):  # noqa: F811
    ci = program("ada", "read", "decide")
    assert followed(ci) is None
    for _ in range(2):
        told = ci.post(f"{V2}/promote", json=TOGETHER).json()
        assert (told["stage"], told["flip"]["act"], told["flip"]["from_at"]) == ("approved", "wait", None)
    serve(engine, "server@b:2", 1, 2)
    flip = followed(ci)
    assert (flip["state"], flip["version_number"], flip["asked_by"], flip["reason"]) == (
        "preparing", 2, "ada", "CI is green")
    assert (flip["ready"], flip["awaited"], flip["goes_on_then"]) == (["server@b:2"], ["server@a:1"], False)
    serve(engine, "server@a:1", 1, 2, poll_seconds=60)
    with write(engine) as session:
        advance(session, "intents", by="server@a:1", now=database_time(session))
    flip = followed(ci)
    assert (flip["state"], flip["awaited"], flip["says"]) == ("appointed", [], "all of 2 servers hold it")
    told = ci.post(f"{V2}/promote", json=TOGETHER).json()
    assert (told["stage"], told["flip"]["act"], told["flip"]["from_at"]) == ("champion", "commit", flip["from_at"])
    with read(engine) as session:
        assert len(list(entries(session, action="model:flip_started"))) == 1


def test_a_program_gives_a_flip_up_once_and_hears_when_it_is_too_late(program, servers):  # noqa: F811
    ci = program("ada", "read", "decide")
    assert ci.post(f"{V2}/give-up", json={"reason": "nothing yet"}).status_code == 409
    ci.post(f"{V2}/promote", json=TOGETHER)
    for _ in range(2):
        assert ci.post(f"{V2}/give-up", json={"reason": "not tonight"}).json()["stage"] == "approved"
    flip = followed(ci)
    assert (flip["state"], flip["ended_by"], flip["says"]) == ("given up", "ada", "not tonight")
    too_late = program("root", "decide").post(f"{V2}/give-up", json={"reason": "me too"})
    assert too_late.status_code == 409 and "ada decided at" in too_late.json()["title"]


def test_what_is_answered_while_a_flip_is_under_way_fits_the_document(program, servers, document):  # noqa: F811
    ci = program("ada", "read", "decide")
    told = ci.post(f"{V2}/promote", json=TOGETHER)
    document["/tasks/{task}/versions/{number}/promote"]["POST"].validate_response(told)
    document["/tasks/{task}/flip"]["GET"].validate_response(ci.get(FOLLOW))
    ci.post(f"{V2}/give-up", json={"reason": "not tonight"})
    document["/tasks/{task}/flip"]["GET"].validate_response(ci.get(FOLLOW))


def test_a_roll_back_that_all_servers_hold_is_committed_at_once(program, engine, servers):  # noqa: F811
    ci = program("ada", "read", "decide")
    ci.post(f"{V2}/promote", json={"seen": "approved", "reason": "go"})
    told = ci.post(f"{V1}/rollback", json={**TOGETHER, "seen": "archived"}).json()
    assert (told["stage"], told["flip"]["act"]) == ("champion", "commit") and told["flip"]["from_at"] is not None


def test_where_no_two_servers_report_a_program_hears_that_it_was_done_at_once(program, engine, now):  # noqa: F811
    with write(engine) as session:
        approve(session, "intents", 2, actor="ada", reason="good", now=now)
    ci = program("ada", "read", "decide")
    told = ci.post(f"{V2}/promote", json=TOGETHER).json()
    assert told["flip"] == {"act": "commit", "reason": "no two servers live", "from_at": None}
    assert followed(ci) is None


@pytest.mark.parametrize(("name", "scopes", "status"), [("vera", ["read", "decide"], 403), ("ada", ["read"], 403)])
def test_neither_a_small_role_nor_a_small_scope_moves_all_servers(program, servers, name, scopes, status):  # noqa: F811
    client = program(name, *scopes)
    assert client.post(f"{V2}/promote", json=TOGETHER).status_code == status
    assert client.post(f"{V2}/give-up", json={"reason": "no"}).status_code == status


@pytest.mark.parametrize(("body", "status"), [
    ({"within_seconds": 0}, 400), ({"within_seconds": 90_000}, 400), ({"is_together": "perhaps"}, 400),
    ({"seen": "awaiting approval"}, 409), ({"reason": " "}, 422)])
def test_what_does_not_fit_or_is_stale_is_a_problem_document(program, servers, body, status):  # noqa: F811
    answer = program("ada", "decide").post(f"{V2}/promote", json={**TOGETHER, **body})
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
