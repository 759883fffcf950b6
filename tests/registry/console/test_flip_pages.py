"""All servers together in the console: asked for and given up once, followed on the task's page, refused as usual."""

import json
import re
import shutil
from datetime import timedelta

import pytest

from registry import audit
from registry.artifacts.store import ArtifactStore
from registry.database import database_time, migrate, open_database, read, write
from registry.heartbeats import beat
from registry.lifecycle.flipping import advance
from registry.lifecycle.flips import flip_of, give_up_flip
from registry.lifecycle.promotion import approve, wanted
from registry.lifecycle.versions import get_version
from tests.conftest import NOW
from tests.registry.console.conftest import HOST
from tests.registry.console.town import HOSTILE, settle
from tests.servers.postgres import fresh_database

V1, V2, TASK = "/tasks/intents/versions/1", "/tasks/intents/versions/2", "/tasks/intents"
TOGETHER = {"seen": "approved", "reason": "one version for all", "is_together": "yes", "minutes": "15"}


@pytest.fixture(scope="module")
def town_on_postgresql(postgres_url, tmp_path_factory):
    """Settle once; each test gets a copy."""
    url = fresh_database(postgres_url)
    migrate(url)
    engine = open_database(url)
    settle(engine, ArtifactStore(str(tmp_path_factory.mktemp("artifacts"))), NOW)
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request, tmp_path):
    """The town once on SQLite and once on PostgreSQL, its v2 approved."""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("town"), tmp_path, dirs_exist_ok=True)
        url = f"sqlite:///{tmp_path}/registry.db"
    else:
        town = request.getfixturevalue("town_on_postgresql")
        url = fresh_database(town, copy_of=town.rsplit("/", 1)[1])
    engine = open_database(url)
    with write(engine) as session:
        approve(session, "intents", 2, actor="ada", reason="mends 44 texts", now=NOW)
    engine.dispose()
    return url


def serve(engine, name, *numbers, answers=1, poll_seconds=2.0):
    """Let a server say which versions it holds, by the database's clock as servers do."""
    with write(engine) as session:
        beat(session, process=name, kind="server", interval_seconds=60, now=database_time(session),
             says={"holds": {"intents": [f"{number}" * 64 for number in numbers]}, "serves": {"intents": answers},
                   "poll_seconds": poll_seconds})


def told(engine, action):
    with read(engine) as session:
        return [(entry.actor, entry.subject, entry.reason) for entry in audit.entries(session, action=action)]


def champion(engine):
    with read(engine) as session:
        return next((each.version_number, each.from_at) for each in wanted(session) if each.task == "intents")


def go_on(engine, by="server@b:2", **later):
    """Let a server do what is due about the flip."""
    with write(engine) as session:
        return advance(session, "intents", by=by, now=database_time(session) + timedelta(**later))


@pytest.fixture
def two_servers(engine):
    serve(engine, "server@a:1", 1)
    serve(engine, "server@b:2", 1)


def test_all_servers_are_asked_once_however_often_the_form_is_sent(signed_in, engine, two_servers):
    ada = signed_in("ada")
    assert 'name="is_together"' in ada.get(V2)
    for _ in range(2):
        page = ada.post(f"{V2}/promote", TOGETHER)
    assert ada.last.url.path == TASK and "Every server prepares it" in page
    assert told(engine, "model:flip_started") == [("ada", "intents v2", "one version for all")]
    assert champion(engine) == (1, None), "nobody hears of it before every server holds it"
    with read(engine) as session:
        terms = flip_of(session, "intents").terms
    assert terms["actor"] == "ada"
    serve(engine, "server@b:2", 1, 2)
    page = ada.get(TASK)
    assert "1 of 2 servers hold it" in page and "one version for all" in page
    assert re.search(r"Hold it</dt><dd data-ready><bdi>server@b:2</bdi>", page)
    assert re.search(r"Awaited</dt><dd data-awaited><bdi>server@a:1</bdi>", page)
    assert f"{terms['give_up_at'][:10]} {terms['give_up_at'][11:19]} UTC" in page, "until when"
    assert "Then it is given up" in page and 'aria-label="Servers that hold it"' in page


def test_the_moment_is_shown_and_afterwards_who_answers(signed_in, engine, two_servers):
    ada = signed_in("ada")
    ada.post(f"{V2}/promote", TOGETHER)
    serve(engine, "server@a:1", 1, 2, poll_seconds=1_800)
    serve(engine, "server@b:2", 1, 2)
    go_on(engine)
    number, moment = champion(engine)
    page = ada.get(TASK)
    assert number == 2 and f"All servers change at <time datetime=\"{moment.isoformat()}\">" in page
    assert "About to change" in page and "all of 2 servers hold it" in page and f"{V2}/give-up" not in page
    assert "All servers change to v2 in a moment" in ada.get(V1)
    assert told(engine, "model:promoted")[-1] == ("ada", "intents v2", "one version for all")
    for _ in range(2):
        ada.post(f"{V2}/promote", TOGETHER)           # sent again after the servers had done it
    assert len(told(engine, "model:flip_started")) == 1 and champion(engine) == (2, moment)
    ada.post(f"{V1}/rollback", {"seen": "archived", "reason": "after all not"})
    assert "All servers" not in ada.get(TASK) and champion(engine) == (1, None)


def test_who_does_not_answer_with_it_yet_is_told_afterwards(signed_in, engine):
    for name in ("server@a:1", "server@b:2"):
        serve(engine, name, 1, 2, poll_seconds=0.0)
    ada = signed_in("ada")
    assert "all change at one moment" in ada.post(f"{V2}/promote", TOGETHER)
    serve(engine, "server@a:1", 1, 2, answers=2)
    page = ada.get(TASK)
    assert "Servers changed at" in page and re.search(r"Did not say so yet</dt><dd data-awaited><bdi>server@b", page)
    assert "data-events" in page, "and followed until it does"
    serve(engine, "server@b:2", 1, 2, answers=2)
    page = ada.get(TASK)
    assert "Did not say so yet" not in page and "data-events" not in page


@pytest.mark.parametrize(("names", "hint"), [
    ((), "No server reports now"), (("server@a:1",), "Only one server reports now")])
def test_where_no_two_servers_report_the_form_and_the_page_say_that_it_happens_at_once(signed_in, engine, names, hint):
    for name in names:
        serve(engine, name, 1)
    ada = signed_in("ada")
    page = ada.get(V2)
    assert hint in page and 'name="minutes"' not in page
    page = ada.post(f"{V2}/promote", TOGETHER)
    assert "fewer than two servers report" in page and champion(engine) == (2, None)
    assert told(engine, "model:flip_started") == [] and told(engine, "model:promoted")[-1][0] == "ada"


def test_a_flip_is_given_up_once_and_the_page_says_by_whom_and_why(signed_in, engine, two_servers):
    ada = signed_in("ada")
    ada.post(f"{V2}/promote", TOGETHER)
    assert f'action="{V2}/give-up"' in ada.get(TASK) and f"{V2}/give-up" not in signed_in("lars").get(TASK)
    ada.post(f"{V2}/give-up", {"reason": " "}, 422)
    for _ in range(2):
        page = ada.post(f"{V2}/give-up", {"reason": "not <tonight>"})
    assert "What served goes on" in page and told(engine, "model:flip_given_up") == [
        ("ada", "intents v2", "not <tonight>")]
    assert re.search(r"Given up by <bdi>ada</bdi>:</b> <bdi>not &lt;tonight&gt;", page) and champion(engine)[0] == 1
    ada.post(f"{V2}/promote", TOGETHER)
    assert "Preparing" in ada.get(TASK) and len(told(engine, "model:flip_started")) == 2


def test_giving_up_too_late_is_refused_and_says_who_was_first(signed_in, engine, two_servers):
    ada = signed_in("ada")
    ada.post(f"{V2}/give-up", {"reason": "never begun"}, 409)
    ada.post(f"{V2}/promote", TOGETHER)
    with write(engine) as session:
        give_up_flip(session, "intents", actor="bo", reason="not tonight", now=database_time(session))
    page = ada.post(f"{V2}/give-up", {"reason": "too late"}, 409)
    assert "bo decided at" in page and "not tonight" in page
    ada.post(f"{V2}/promote", TOGETHER)
    for name in ("server@a:1", "server@b:2"):
        serve(engine, name, 1, 2)
    go_on(engine)
    ada.client.cookies.set("hypermatch_language", "ko")
    page = ada.post(f"{V2}/give-up", {"reason": "too late"}, 409)
    assert "server@b:2 님이" in page and "준비 중이 아닙니다" in page and "롤백으로" in page
    assert [reason for _, _, reason in told(engine, "model:flip_given_up")] == ["not tonight"]


def test_time_that_is_over_and_what_could_not_be_loaded_are_told_in_both_languages(signed_in, engine, two_servers):
    ada = signed_in("ada")
    ada.post(f"{V2}/promote", TOGETHER)
    with write(engine) as session:
        audit.record(session, action="model:swap_failed", subject="intents v2", actor="server@a:1", reason=HOSTILE,
                     now=NOW)
    serve(engine, "server@b:2", 1, 2)
    page = ada.get(TASK)
    assert "Could not be loaded" in page and "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    for name in ("server@a:1", "server@b:2"):
        with write(engine) as session:                # they live still when the time is over
            beat(session, process=name, kind="server", interval_seconds=60, now=database_time(session)
                 + timedelta(minutes=16), says={"holds": {"intents": []}, "serves": {}, "poll_seconds": 2.0})
    assert "did not prepare it" in go_on(engine, minutes=16).reason
    page = ada.get(TASK)
    assert "Given up by <bdi>server@b:2</bdi>" in page
    assert "time is over and server@a:1, server@b:2 did not prepare it; what served goes on" in page
    ada.client.cookies.set("hypermatch_language", "ko")
    assert "시간이 다 되었고 준비하지 못한 서버가 있음: server@a:1, server@b:2; 응답하던 버전이 계속" in ada.get(TASK)


def test_a_roll_back_together_goes_on_without_the_awaited(signed_in, engine, two_servers):
    ada = signed_in("ada")
    ada.post(f"{V2}/promote", {"seen": "approved", "reason": "go"})
    serve(engine, "server@a:1", 2)
    ada.post(f"{V1}/rollback", {"seen": "archived", "reason": "complaints", "is_together": "yes"})
    page = ada.get(TASK)
    assert "1 of 2 servers hold it" in page and "change without the others" in page and champion(engine)[0] == 2


def test_while_a_flip_is_under_way_versions_say_so_and_another_is_refused(signed_in, engine, two_servers):
    ada, root = signed_in("ada"), signed_in("root")
    form = {"seen": "archived", "reason": "back", "is_together": "yes"}
    ada.post(f"{V2}/promote", {"seen": "approved", "reason": "go"})
    serve(engine, "server@a:1", 2)
    ada.post(f"{V1}/rollback", form)
    page = ada.get(V1)
    assert "Servers are preparing v1" in page and "this decision ends that" in page
    assert 'name="is_together"' not in page, "who is together already cannot be asked again"
    assert "v1 is being prepared already" in root.post(f"{V1}/rollback", form, 409)
    root.client.cookies.set("hypermatch_language", "ko")
    assert "작업 페이지에서 그만두세요" in root.post(f"{V1}/rollback", form, 409)
    ada.post(f"{V1}/rollback", {"seen": "archived", "reason": "at once, then"})
    assert champion(engine) == (1, None) and told(engine, "model:flip_given_up")[-1][2] == "v1 is the champion now"


@pytest.mark.parametrize(("path", "form", "status", "says"), [
    (f"{V2}/promote", {"reason": " "}, 422, "a reason"), (f"{V2}/promote", {"minutes": "0"}, 422, "1 to 1440 minutes"),
    (f"{V2}/promote", {"minutes": "x"}, 422, "1 to 1440"), (f"{V2}/promote", {"minutes": "99999999999"}, 422, "1440"),
    (f"{V2}/promote", {"seen": "awaiting approval"}, 409, "no longer"),
    (f"{V2}/rollback", {}, 409, "never was champion"),
    (f"{V1}/rollback", {"seen": "champion"}, 409, "cannot become champion"),
    ("/tasks/intents/versions/3/promote", {"seen": "rejected"}, 409, "cannot become champion"),
    ("/tasks/intents/versions/9/promote", {}, 404, "has no version 9")])
def test_what_an_ordinary_promotion_is_refused_for_is_refused_together_as_well(signed_in, engine, two_servers, path,
                                                                              form, status, says):
    assert says in signed_in("ada").post(path, {**TOGETHER, **form}, status)
    with read(engine) as session:
        assert flip_of(session, "intents") is None and get_version(session, "intents", 2).stage.value == "approved"


def test_who_may_not_decide_is_refused_and_no_other_site_decides_for_those_who_may(signed_in, engine, two_servers):
    for name in ("vera", "lars"):
        person = signed_in(name)
        assert 'name="is_together"' not in person.get(V2)
        person.post(f"{V2}/promote", TOGETHER, 403)
        person.post(f"{V2}/give-up", {"reason": "no"}, 403)
    ada = signed_in("ada")
    for act in ("promote", "give-up"):
        assert ada.client.post(f"{V2}/{act}", data=TOGETHER).status_code == 403
        assert ada.client.post(f"{V2}/{act}", data=TOGETHER, headers={"Origin": HOST}).status_code == 403
    with read(engine) as session:
        assert flip_of(session, "intents") is None


def test_an_open_page_is_told_what_changes_until_the_flip_is_no_longer_what_it_shows(signed_in, engine, two_servers):
    ada = signed_in("ada")
    ada.post(f"{V2}/promote", TOGETHER)
    serve(engine, "server@<b>:2", 1, 2)
    place = re.search(r'data-events="([^"]+)"', ada.get(TASK))[1].replace("&amp;", "&")
    with ada.client.stream("GET", place) as stream:
        states = (json.loads(line[6:]) for line in stream.iter_lines() if line)
        assert next(states) == {"step": "1 of 3 servers hold it", "progress": 0.3333, "is_over": False,
                                "says": {"ready": "server@<b>:2", "awaited": "server@a:1, server@b:2"}}
        serve(engine, "server@a:1", 1, 2)
        assert next(states)["says"] == {"ready": "server@<b>:2, server@a:1", "awaited": "server@b:2"}
        with write(engine) as session:
            give_up_flip(session, "intents", actor="bo", reason="no", now=database_time(session))
        assert list(states) == [{"is_over": True}]
    assert ada.client.get("/tasks/nope/flip/events").status_code == 404
    assert ada.client.get(f"{TASK}/flip/events").text == 'data: {"is_over": true}\n\n'
