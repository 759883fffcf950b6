"""The JSON API: what the pages do, by tokens with scopes; problem documents; a document that says what is true."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from registry.accounts.tokens import create_token
from registry.audit import entries
from registry.console.api import acting, administering, installation, openapi, reading
from registry.console.api.operations import OPERATIONS
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import read, write
from registry.lifecycle.versions import get_version
from registry.settings import RegistrySettings
from tests.registry.console.conftest import HOST, Browser, password_of

V2 = "/api/v1/tasks/intents/versions/2"
APPROVAL = {"seen": "awaiting approval", "digest": "2" * 64, "reason": "CI is green"}


@pytest.fixture
def program(app, engine, now):
    """A program with a token of one of the town's people."""
    def make(name: str, *scopes: str) -> TestClient:
        with write(engine) as session:
            raw = create_token(session, name, "-".join(["t", *scopes]), scopes=scopes, days=3, actor=name, now=now)
        return TestClient(app, base_url=HOST, headers={"Authorization": f"Bearer {raw}"},
                          raise_server_exceptions=False)

    return make


def test_the_document_is_valid_and_every_operation_has_its_function():
    OpenAPIV31SpecValidator(json.loads(json.dumps(openapi.document()))).validate()
    assert {operation.name for operation in OPERATIONS} <= {
        *vars(reading), *vars(installation), *vars(acting), *vars(administering)}


def test_every_reading_operation_answers(program):
    root = program("root", "read", "administer")
    values = {"task": "intents", "number": "2", "run": "1", "text": "1", "check": "14", "name": "label-english"}
    for operation in OPERATIONS:
        if operation.method == "GET" and operation.name != "verification":       # no bytes in this town
            path = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], operation.path)
            answer = root.get(f"/api/v1{path}")
            assert answer.status_code == 200, (path, answer.text)
            json.dumps(answer.json(), allow_nan=False)


def test_a_program_approves_and_promotes_as_a_person_would_and_twice_is_once(program, engine):
    ci = program("ada", "read", "decide")
    for _ in range(2):
        assert ci.post(f"{V2}/approve", json=APPROVAL).json()["stage"] == "approved"
    for _ in range(2):
        assert ci.post(f"{V2}/promote", json={"seen": "approved", "reason": "go"}).json()["stage"] == "champion"
    trial = {"seen": "archived", "reason": "compare", "share": 0.1}
    assert ci.post(V2.replace("/2", "/1/trials/canary"), json=trial).status_code == 200
    assert ci.post(V2.replace("/2", "/1/trials/champion"), json=trial).status_code == 404
    assert ci.post(V2.replace("/2", "/1/trials/canary/end"), json={"reason": "enough"}).status_code == 200
    assert ci.post(f"{V2}/reject", json={"seen": "approved", "reason": "no"}).status_code == 409
    with read(engine) as session:
        found = [(entry.actor, entry.reason) for entry in entries(session, action="model:approved")]
    assert found[1:] == [("ada", "CI is green")]


def test_a_program_requests_changes_and_answers_them(program):
    ci, script = program("ada", "decide"), program("lars", "label")
    wish = {"seen": "awaiting approval", "reason": "the smoke test fails"}
    assert script.post(f"{V2}/request-changes", json=wish).status_code == 403
    assert ci.post(f"{V2}/request-changes", json=wish).json()["stage"] == "changes requested"
    assert ci.post(f"{V2}/approve", json=APPROVAL).status_code == 409
    answer = script.post(f"{V2}/ask-again", json={"seen": "changes requested", "reason": "the test was wrong"})
    assert answer.json()["stage"] == "awaiting approval"


@pytest.mark.parametrize(("name", "scopes"), [("vera", ["read", "decide"]), ("ada", ["read"]), ("ada", ["label"])])
def test_neither_a_small_role_nor_a_small_scope_decides(program, name, scopes):
    answer = program(name, *scopes).post(f"{V2}/approve", json=APPROVAL)
    assert answer.status_code == 403 and answer.headers["content-type"] == "application/problem+json"


def test_without_a_token_there_is_no_answer(app, signed_in):
    nobody = TestClient(app, base_url=HOST)
    for headers in ({}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic YTpi"}):
        answer = nobody.get("/api/v1/tasks", headers=headers)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert signed_in("root").client.post(f"{V2}/approve", json=APPROVAL).status_code == 401, "a cookie is no token"


@pytest.mark.parametrize(("path", "body", "status"), [
    (f"{V2}/approve", b"not json", 400), (f"{V2}/approve", b"{}", 400), (f"{V2}/approve", b"\xff", 400),
    (f"{V2}/approve", json.dumps({**APPROVAL, "reason": "a\0b"}).encode(), 400),
    (f"{V2}/approve", json.dumps({**APPROVAL, "more": 1}).encode(), 400),
    (f"{V2}/approve", json.dumps({**APPROVAL, "digest": "f" * 64}).encode(), 409),
    (f"{V2}/approve", json.dumps({**APPROVAL, "reason": " "}).encode(), 422),
    ("/api/v1/tasks/nope/runs", b'{"reason": "x"}', 404), ("/api/v1/nope", b"{}", 404),
    ("/api/v1/tasks/intents/versions/99999999999999999999/approve", b"{}", 404),
    ("/api/v1/tasks/intents/labels", b'{"part": "train", "origin": "x", "rows": [{"text": "a", "label": "zzz"}]}', 422),
    ("/api/v1/tasks/intents/labels/1", b'{"was": "x", "label": "other"}', 409)])
def test_every_fault_of_a_program_is_a_problem_document(program, path, body, status):
    answer = program("root", "read", "label", "decide").post(path, content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["status"] == status


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=1000", "part=none", "nope=1", "q=%00"])
def test_a_query_that_the_document_does_not_know_is_refused(program, query):
    answer = program("vera", "read").get(f"/api/v1/tasks/intents/labels?{query}")
    assert answer.status_code in (400, 422) and answer.headers["content-type"] == "application/problem+json"


def test_a_program_decides_on_classes_and_answers_the_queue(program):
    ada = program("ada", "read", "label", "decide")
    place = "/api/v1/tasks/intents"
    told = ada.post(f"{place}/proposals/1/accept", json={"name": "refund", "reason": "asked for"}).json()
    assert (told["state"], told["label"]) == ("accepted", "refund")
    assert ada.post(f"{place}/proposals/1/reject", json={"reason": "no"}).status_code == 409
    assert ada.post(f"{place}/proposals/2/snooze", json={"reason": "later", "until": "2026-02-01T00:00:00Z"}
                    ).json()["state"] == "snoozed"
    assert ada.post("/api/v1/tasks/empty/proposals/2/reject", json={"reason": "no"}).status_code == 404
    item = ada.post(f"{place}/review").json()["item"]["id"]
    assert ada.post(f"/api/v1/tasks/empty/review/{item}/answer", json={"label": "yes"}).status_code == 404
    assert ada.post(f"{place}/review/{item}/answer", json={"label": "other"}).json()["item"]["state"] == "settled"
    assert ada.post(f"{place}/review/undo").json()["item"]["id"] == item
    assert ada.post(f"{place}/review/{item}/skip").json()["item"]["state"] == "open"
    assert ada.post("/api/v1/tasks/empty/review").json() == {"item": None}
    assert ada.post(f"{place}/labels/1/remove", json={"reason": "a riddle"}).json() == {"removed": 1}


def test_a_program_of_an_administrator_manages_people_and_nobody_reads_a_hash(program, engine, now):
    root = program("root", "administer")
    made = root.post("/api/v1/people", json={"name": "nora", "role": "viewer"}).json()
    assert "/welcome/" in made["link"] and not made["has_password"]
    assert root.post("/api/v1/people/nora/role", json={"role": "labeler"}).json()["role"] == "labeler"
    assert root.post("/api/v1/people/nora/disable").json()["disabled_at"] is not None
    assert root.post("/api/v1/people/nora/enable").json()["disabled_at"] is None
    assert root.post("/api/v1/people/nora/link").json()["link"] != made["link"]
    listed = root.get("/api/v1/people")
    assert "nora" in listed.text and "argon2" not in listed.text
    assert root.post("/api/v1/people/nora/remove").json() == {"removed": "nora"}
    assert root.post("/api/v1/people/root/disable").status_code == 422
    assert program("root", "decide").post("/api/v1/people/vera/remove").status_code == 403
    assert program("ada", "administer").get("/api/v1/people").status_code == 403


def test_a_program_reads_settings_without_secrets_and_which_processes_live(engine, store, clock, now):
    registry = RegistrySettings(url="postgresql+psycopg://hm:hunter2@db/hm")
    app = create_app(engine, store, ConsoleSettings(evidently_url="https://evidently.example"), registry, clock)
    with write(engine) as session:
        raw = create_token(session, "vera", "t", scopes={"read"}, days=1, actor="vera", now=now)
    vera = TestClient(app, base_url=HOST, headers={"Authorization": f"Bearer {raw}"})
    told = vera.get("/api/v1/settings").json()
    assert told["HYPERMATCH_REGISTRY_URL"] == "postgresql+psycopg://hm:***@db/hm" and "hunter2" not in str(told)
    assert told["HYPERMATCH_CONSOLE_EVIDENTLY_URL"] == "https://evidently.example"
    assert {(beat["kind"], beat["state"]) for beat in vera.get("/api/v1/processes").json()["items"]} == {
        ("ingest", "live"), ("server", "live"), ("trainer", "live")}


def test_a_webhook_tells_its_secret_once(program):
    root = program("root", "administer")
    hook = {"name": "ops", "url": "https://hooks.example/x", "events": ["drift:alarmed"]}
    secret = root.post("/api/v1/webhooks", json=hook).json()["secret"]
    assert len(secret) > 40 and secret not in root.get("/api/v1/webhooks").text
    evil = {**hook, "name": "evil", "url": "https://evil.example/"}
    assert root.post("/api/v1/webhooks", json=evil).status_code == 422
    assert root.post("/api/v1/webhooks/ops/remove").json() == {"removed": "ops"}


def test_with_four_eyes_who_asked_approves_neither_on_the_page_nor_by_the_api(engine, store, clock, now):
    app = create_app(engine, store, ConsoleSettings(), RegistrySettings(is_four_eyes=True), clock)
    with write(engine) as session:
        get_version(session, "intents", 2).requested_by = "ada"
        tokens = {name: create_token(session, name, "t", scopes={"decide"}, days=1, actor=name, now=now)
                  for name in ("ada", "root")}
    page = Browser(TestClient(app, base_url=HOST))
    page.sign_in("ada", password_of("ada"))
    assert "somebody else must approve" in page.get("/tasks/intents/versions/2")
    page.post("/tasks/intents/versions/2/approve", APPROVAL, 422)
    for name, status in (("ada", 422), ("root", 200)):
        answer = page.client.post(f"{V2}/approve", json=APPROVAL, headers={"Authorization": f"Bearer {tokens[name]}"})
        assert answer.status_code == status, answer.text


def test_labels_come_in_by_the_api(program):
    lars = program("lars", "label", "read")
    body = {"part": "train", "origin": "script", "rows": [{"text": "new one", "label": "other"}]}
    assert lars.post("/api/v1/tasks/intents/labels", json=body).json() == {"added": 1, "changed": 0, "unchanged": 0}
    assert lars.post("/api/v1/tasks/intents/labels", json=body).json() == {"added": 0, "changed": 0, "unchanged": 1}
    found = lars.get("/api/v1/tasks/intents/labels?q=new one").json()
    assert found["total"] == 1 and found["items"][0]["actor"] == "lars"
