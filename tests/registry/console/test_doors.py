"""No door forgets to ask: every form for its token, its origin and a role; every act for a role once more."""

import re

import pytest
from sqlmodel import func, select
from starlette.testclient import TestClient

from registry import acts
from registry.accounts.roles import Person, Role
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import read
from registry.errors import NotAllowed
from registry.settings import RegistrySettings
from registry.tables import AuditEntry
from tests.registry.console.conftest import HOST, Browser, password_of

VALUES = {"task": "intents", "number": "2", "proposal": "1", "item": "1", "text": "1", "token": "1", "name": "lars",
          "link": "none"}
FOR_EVERYBODY = {"/sign-in", "/sign-out", "/sign-out-everywhere", "/language", "/welcome/{link}", "/account/password",
                 "/account/tokens", "/account/tokens/{token:number}/revoke"}
FOR_LABELERS = re.compile(r"/(review|labels|ask-again|prompts/\{name\}/try)\b")


def posts(app):
    found = [route.path for route in app.routes if "POST" in (getattr(route, "methods", None) or ())]
    assert len(found) > 30
    return found


def address(path):
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda part: VALUES[part[1]], path)


def n_entries(engine):
    with read(engine) as session:
        return session.exec(select(func.count()).select_from(AuditEntry)).one()


def form_token(browser):
    return re.search(r'name="form_token" value="([0-9a-f]+)"', browser.get("/account"))[1]


def test_no_form_is_taken_from_elsewhere_or_without_its_token(app, signed_in, engine):
    root = signed_in("root")
    token, before = form_token(root), n_entries(engine)
    for path in posts(app):
        for form, headers in (({"form_token": token}, {"Origin": "https://evil.example"}), ({"form_token": token}, {}),
                              ({}, {"Origin": HOST}), ({"form_token": "f" * 64}, {"Origin": HOST})):
            answer = root.client.post(address(path), data=form, headers=headers, follow_redirects=False)
            assert answer.status_code == 403, (path, form, headers)
    assert n_entries(engine) == before


def test_a_token_of_another_session_is_not_taken(app, signed_in, engine):
    stolen, ada, before = form_token(signed_in("root")), signed_in("ada"), n_entries(engine)
    for path in posts(app):
        assert ada.client.post(address(path), data={"form_token": stolen}, headers={"Origin": HOST},
                               follow_redirects=False).status_code == 403, path
    assert n_entries(engine) == before


@pytest.mark.parametrize("name", ["vera", "lars"])
def test_every_form_asks_for_a_role(app, signed_in, engine, name):
    person = signed_in(name)
    token, before = form_token(person), n_entries(engine)
    for path in posts(app):
        if path in FOR_EVERYBODY or (name == "lars" and FOR_LABELERS.search(path)):
            continue
        answer = person.client.post(address(path), data={"form_token": token, "reason": "x"},
                                    headers={"Origin": HOST}, follow_redirects=False)
        assert answer.status_code == 403 and "this needs" in answer.text, path
    assert n_entries(engine) == before


def test_nothing_is_shown_to_who_is_not_signed_in(app, browser):
    nobody = browser()
    for route in app.routes:
        is_page = "GET" in (getattr(route, "methods", None) or ())
        if not is_page or route.path.startswith(("/sign-in", "/welcome", "/live")):
            continue
        path = address(route.path.replace("{run", "{number").replace("{check", "{number"))
        answer = nobody.client.get(path, follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"), path


def test_every_act_asks_for_a_role_before_anything_else():
    for name in acts.__all__:
        if name == "last_decision":
            continue                                  # reads
        with pytest.raises(NotAllowed, match="vera is viewer, this needs"):
            getattr(acts, name)(None, Person("vera", Role.VIEWER))
        with pytest.raises(NotAllowed, match="lacks the scope"):
            getattr(acts, name)(None, Person("root", Role.ADMIN, frozenset({"read"})))


def test_behind_https_no_cookie_travels_unencrypted(engine, store, clock):
    app = create_app(engine, store, ConsoleSettings(url="https://hypermatch.example"), RegistrySettings(), clock)
    browser = Browser(TestClient(app, base_url="https://hypermatch.example"))
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', browser.get("/sign-in"))[1]
    answer = browser.client.post("/sign-in", data={"form_token": token, "name": "ada", "password": password_of("ada")},
                                 headers={"Origin": "https://hypermatch.example"}, follow_redirects=False)
    assert answer.status_code == 303 and "; Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")
