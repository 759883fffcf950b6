"""Signing in: no default account, growing patience, limits, roles; tokens act for their makers and no further."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from registry import acts
from registry.accounts.people import add_account, invite
from registry.accounts.roles import Person, Role
from registry.accounts.tables import Account, ApiToken, ConsoleSession, Invitation
from registry.accounts.tokens import create_token, person_of
from registry.artifacts.store import ArtifactStore
from registry.console.app import create_app
from registry.console.first_run import first_link
from registry.console.settings import ConsoleSettings
from registry.console.visits import SESSION_COOKIE
from registry.database import migrate, open_database, read, write
from registry.errors import NotAllowed, NotFound, Refused
from registry.settings import RegistrySettings
from tests.registry.console.conftest import HOST, Browser, password_of

WORDS = "seven plain words will do"


def test_nobody_has_an_account_before_the_one_time_link_makes_the_first_administrator(tmp_path, clock):
    url = f"sqlite:///{tmp_path}/fresh.db"
    migrate(url)
    engine, settings = open_database(url), ConsoleSettings(url=HOST)
    app = create_app(engine, ArtifactStore(str(tmp_path)), settings, RegistrySettings(), clock)
    old, link = (first_link(engine, settings, clock()).removeprefix(HOST) for _ in range(2))
    browser = Browser(TestClient(app, base_url=HOST))
    browser.sign_in("admin", "admin", 401)
    browser.get(old, 404)
    browser.post(link, {"name": "root", "password": "short", "again": "short"}, 422, page=link)
    browser.post(link, {"name": "root", "password": WORDS, "again": WORDS + "!"}, 422, page=link)
    browser.post(link, {"name": "root", "password": WORDS, "again": WORDS}, page=link)
    assert "Administrator" in browser.get("/")
    browser.get(link, 404)
    assert first_link(engine, settings, clock()) is None
    engine.dispose()


def test_a_link_is_over_after_a_day_and_after_its_use(engine, app, clock):
    with write(engine) as session:
        add_account(session, "nora", Role.VIEWER, actor="root", now=clock())
        raw = invite(session, "nora", now=clock())
    browser = Browser(TestClient(app, base_url=HOST))
    clock.wait(hours=24)
    browser.get(f"/welcome/{raw}", 404)
    with read(engine) as session:
        assert raw not in str([row.model_dump() for row in session.exec(select(Invitation))])


def test_failed_attempts_make_an_account_wait_longer_and_longer(browser, clock):
    lars = browser()
    for _ in range(5):
        lars.sign_in("lars", "wrong password here", 401)
    lars.sign_in("lars", password_of("lars"), 429)
    assert "wait" in lars.last.text
    clock.wait(seconds=3)
    lars.sign_in("lars", "wrong password here", 401)
    clock.wait(seconds=3)
    lars.sign_in("lars", password_of("lars"), 429)
    clock.wait(seconds=3)
    lars.sign_in("lars", password_of("lars"))
    lars.client.cookies.clear()
    lars.sign_in("lars", "wrong password here", 401)              # the count began anew


def test_a_session_ends_when_idle_when_old_and_everywhere(signed_in, browser, clock, engine):
    ada, other, started = signed_in("ada"), signed_in("ada"), clock()
    for _ in range(15):
        clock.wait(minutes=50)
        if clock() - started <= timedelta(hours=12):
            assert "ada" in ada.get("/")
    assert "Sign in" in ada.get("/"), "twelve hours are over"
    assert "Sign in" in other.get("/"), "an hour without a request"
    ada, other = signed_in("ada"), signed_in("ada")
    ada.post("/sign-out-everywhere")
    assert "Sign in" in other.get("/")
    with read(engine) as session:
        assert session.exec(select(ConsoleSession).where(ConsoleSession.account == "ada")).first() is None


def test_a_session_cookie_is_signed_hidden_from_scripts_and_new_at_each_sign_in(browser):
    lars = browser()
    lars.get("/sign-in")
    before = lars.client.cookies[SESSION_COOKIE]
    lars.sign_in("lars", password_of("lars"))
    cookie = lars.last.history[0].headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and lars.client.cookies[SESSION_COOKIE] != before
    lars.client.cookies.set(SESSION_COOKIE, lars.client.cookies[SESSION_COOKIE][:-1] + "x")
    forged = TestClient(lars.client.app, base_url=HOST, cookies={SESSION_COOKIE: "abc.def"})
    assert "/sign-in" in str(forged.get("/").url)


def test_a_form_from_elsewhere_changes_nothing(signed_in):
    ada = signed_in("ada")
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', ada.get("/"))[1]
    form = {"seen": "awaiting approval", "digest": "2" * 64, "reason": "good"}
    path = "/tasks/intents/versions/2/approve"
    for data, headers in (({**form, "form_token": token}, {"Origin": "https://evil.example"}),
                          ({**form, "form_token": token}, {}), ({**form, "form_token": token}, {"Origin": "null"}),
                          (form, {"Origin": HOST}), ({**form, "form_token": "0" * 64}, {"Origin": HOST})):
        assert ada.client.post(path, data=data, headers=headers).status_code == 403
    assert ada.client.get(path).status_code == 405
    assert "Awaiting approval" in ada.get("/tasks/intents/versions/2")


def test_every_answer_carries_the_security_headers(signed_in, browser):
    for answer in (signed_in("vera").client.get("/"), browser().client.get("/nowhere"),
                   browser().client.get("/api/v1/tasks"), browser().client.get("/static/console.css")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"


def test_sign_in_leads_only_to_our_own_pages(browser):
    for to in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        lars = browser()
        lars.post("/sign-in", {"name": "lars", "password": password_of("lars"), "to": to}, page="/sign-in")
        assert str(lars.last.url) == f"{HOST}/"


def test_the_last_administrator_can_neither_leave_nor_lose_the_role(signed_in):
    root = signed_in("root")
    root.post("/people/root/remove", status=422)
    root.post("/people/root/role", {"role": "viewer"}, status=422)
    link = re.search(r"/welcome/[\w-]+", root.post("/people", {"name": "nora", "role": "admin"}))
    assert link
    root.post("/people", {"name": "nora", "role": "admin"}, status=422)
    root.post("/people/nora/remove")
    root.post("/people/nora/remove", status=404)


def test_a_changed_role_counts_from_the_next_request_on(signed_in):
    ada, root = signed_in("ada"), signed_in("root")
    root.post("/people/ada/role", {"role": "viewer"})
    ada.post("/tasks/intents/runs", {"reason": "please"}, status=403)


@pytest.mark.parametrize("name", ["vera", "lars"])
def test_the_domain_refuses_what_a_role_may_not_whatever_door_it_comes_through(engine, now, name):
    person = Person(name, {"vera": Role.VIEWER, "lars": Role.LABELER}[name])
    with write(engine) as session, pytest.raises(NotAllowed, match="needs approver"):
        acts.approve(session, person, "intents", 2, digest="2" * 64, seen="awaiting approval", reason="x", now=now)


def test_a_token_is_shown_once_kept_as_a_hash_and_ends(signed_in, engine, clock):
    ada = signed_in("ada")
    page = ada.post("/account/tokens", {"name": "ci", "scope_read": "1", "days": "2"}, page="/account")
    raw = re.search(r"hypermatch_[\w-]{40,}", page)[0]
    ada.post("/account/tokens", {"name": "ci", "scope_read": "1", "days": "2"}, 422, page="/account")
    assert raw not in ada.get("/account")
    with read(engine) as session:
        assert raw not in str([row.model_dump() for row in session.exec(select(ApiToken))])
        assert person_of(session, raw, clock()) == Person("ada", Role.APPROVER, frozenset({"read"}))
        assert person_of(session, raw, clock() + timedelta(days=2)) is None
    ada.post("/account/tokens/1/revoke", page="/account")
    ada.post("/account/tokens/1/revoke", status=404, page="/account")


def test_a_token_may_no_more_than_its_scopes_and_its_maker(engine, now):
    assert Person("ada", Role.APPROVER, frozenset({"read", "decide"})).may(Role.APPROVER)
    assert not Person("ada", Role.APPROVER, frozenset({"read"})).may(Role.APPROVER)
    assert not Person("vera", Role.VIEWER, frozenset({"read", "decide"})).may(Role.APPROVER)
    with write(engine) as session:
        for scopes, days in (({"fly"}, 3), (set(), 3), ({"read"}, 0), ({"read"}, 4_000)):
            with pytest.raises(Refused):
                create_token(session, "ada", "t", scopes=scopes, days=days, actor="ada", now=now)


def test_passwords_are_hashed_and_a_change_ends_every_other_session(signed_in, engine):
    lars, other = signed_in("lars"), signed_in("lars")
    form = {"old": password_of("lars"), "password": WORDS, "again": WORDS}
    lars.post("/account/password", {**form, "old": "not it"}, 403, page="/account")
    lars.post("/account/password", {**form, "password": "lars is my name", "again": "lars is my name"}, 422,
              page="/account")
    lars.post("/account/password", form, page="/account")
    assert "Sign in" in other.get("/") and "lars" in lars.get("/account")
    with read(engine) as session:
        assert session.get(Account, "lars").password_hash.startswith("$argon2id$")


def test_removing_an_account_ends_its_sessions_and_tokens(signed_in, engine, now):
    with write(engine) as session:
        raw = create_token(session, "vera", "t", scopes={"read"}, days=3, actor="vera", now=now)
    vera, root = signed_in("vera"), signed_in("root")
    root.post("/people/vera/remove")
    assert "Sign in" in vera.get("/")
    with read(engine) as session:
        assert person_of(session, raw, now) is None
    with write(engine) as session, pytest.raises(NotFound):
        acts.invite_person(session, Person("root", Role.ADMIN), "vera", now=now)
