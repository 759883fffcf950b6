"""Signing in through a provider: whoever it vouches for gets its role, and no forged, old or borrowed answer counts."""

import base64
import hmac
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import ValidationError
from sqlmodel import select
from starlette.testclient import TestClient

from infra.parts import free_port
from registry.accounts.people import add_account, disable_account, enable_account
from registry.accounts.roles import Role
from registry.accounts.tables import Account, ConsoleSession, ProviderSignIn
from registry.accounts.tokens import create_token, person_of
from registry.audit import entries
from registry.console.app import create_app
from registry.console.oidc.settings import OidcSettings
from registry.console.settings import ConsoleSettings
from registry.database import read, write
from registry.settings import RegistrySettings
from tests.conftest import require
from tests.registry.console.conftest import HOST, Browser
from tests.registry.console.running import CHROMIUM, chromium, served
from tests.servers.oidc import CLIENT, SECRET, OidcProvider, Person

ROLES = "hm-admins=admin,approvers=approver,staff=viewer"


@pytest.fixture(scope="module")
def running_provider():
    made = OidcProvider()
    with served(made.app, free_port()) as made.issuer:
        yield made


@pytest.fixture
def provider(running_provider, clock):
    running_provider.begin(clock)
    return running_provider


@pytest.fixture
def open_console(engine, store, clock, provider):
    """Return what opens a browser at a console that trusts the provider."""
    def opened(**changed):
        oidc = OidcSettings(**{"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET,
                               "roles": ROLES, "title": "Sign in with Acme", **changed})
        app = create_app(engine, store, ConsoleSettings(url=HOST), RegistrySettings(), clock, oidc)
        return lambda: Browser(TestClient(app, base_url=HOST, raise_server_exceptions=False))

    return opened


@pytest.fixture
def browser(open_console):
    return open_console()


def way_back(provider, browser, to=""):
    """Let the browser go to the provider; return the address with which it is sent back."""
    left = browser.client.get(f"/sign-in/provider{to}", follow_redirects=False)
    assert left.status_code == 303, left.text
    answer = httpx.get(left.headers["location"])
    assert answer.headers["location"].startswith(f"{HOST}/sign-in/provider/back?"), answer.text
    return answer.headers["location"].removeprefix(HOST)


def sign_in(provider, browser, person, status=200, to=""):
    provider.person = person
    return browser.get(way_back(provider, browser, to), status)


def mina(*groups, **bent):
    return Person({"sub": "7f3a", "preferred_username": "Mina.Kim", "groups": list(groups)}, bent)


def told(engine, subject):
    with read(engine) as session:
        return [(entry.action, entry.actor, entry.reason, entry.details)
                for entry in entries(session, subject=subject)]


def account(engine, name="mina.kim"):
    with read(engine) as session:
        return session.get(Account, name)


def test_the_first_sign_in_makes_an_account_without_a_password_in_the_role_of_the_claim(browser, provider, engine):
    mine = browser()
    assert "Sign in with Acme" in mine.get("/sign-in")
    page = sign_in(provider, mine, mina("staff", "approvers", "chess"), to="?to=/runs")
    assert str(mine.last.url) == f"{HOST}/runs" and "mina.kim" in page and "Approver" in page
    assert "Present password" not in mine.get("/account")
    made = account(engine)
    assert (made.role, made.password_hash, made.issuer, made.subject) == ("approver", None, provider.issuer, "7f3a")
    assert [each[0] for each in told(engine, "mina.kim")] == ["account:added", "account:signed_in"]
    assert told(engine, "mina.kim")[0][3] == {"role": "approver", "issuer": provider.issuer}
    mine.post("/tasks/intents/runs", {"reason": "please"})
    other = browser()
    other.sign_in("mina.kim", "", 401)


def test_in_a_real_browser_the_way_leads_over_another_site_and_back(engine, store, clock, provider):
    require(CHROMIUM is not None, "Chromium (`apt-get install chromium`)")
    provider.person, port = mina("approvers"), free_port()
    address = f"http://localhost:{port}"              # the provider is at 127.0.0.1: another site, as browsers see it
    oidc = OidcSettings(issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, roles=ROLES, title="Acme")
    app = create_app(engine, store, ConsoleSettings(url=address), RegistrySettings(), clock, oidc)
    with served(app, port), chromium() as browser:
        page = browser.new_page(base_url=address)
        page.goto("/runs")
        page.get_by_role("link", name="Acme").click()
        page.wait_for_url(f"{address}/runs")
        assert page.locator(".who").inner_text().startswith("mina.kim")


def test_the_role_follows_the_provider_at_every_sign_in_and_the_change_is_audited(browser, provider, engine):
    for groups, role in ((["staff"], "viewer"), (["hm-admins"], "admin"), (["staff"], "viewer")):
        sign_in(provider, browser(), mina(*groups))
        assert account(engine).role == role
    changes = [each for each in told(engine, "mina.kim") if each[0] == "account:role_changed"]
    assert [(actor, details) for _, actor, _, details in changes] == [
        ("provider", {"from": "viewer", "to": "admin"}), ("provider", {"from": "admin", "to": "viewer"})]


def test_a_claim_that_is_no_role_lets_nobody_in(browser, provider, engine):
    for groups in ([], ["chess"], ["hm-admins "], [["hm-admins"]], [{"hm-admins": 1}]):
        page = sign_in(provider, browser(), mina(*groups), 403)
        assert "no role that HyperMatch knows" in page and account(engine) is None
    assert {each[0] for each in told(engine, "mina.kim")} == {"account:refused"}


def test_who_lost_their_role_is_signed_out_everywhere(browser, provider, engine):
    first = browser()
    sign_in(provider, first, mina("staff"))
    sign_in(provider, browser(), mina("chess"), 403)
    assert "Sign in" in first.get("/")


def test_a_disabled_account_is_refused_by_every_door_and_comes_back_when_enabled(browser, provider, engine, clock):
    mine = browser()
    sign_in(provider, mine, mina("staff"))
    with write(engine) as session:
        raw = create_token(session, "mina.kim", "ci", scopes={"read"}, days=3, actor="mina.kim", now=clock())
        disable_account(session, "mina.kim", actor="root", now=clock())
    assert "Sign in" in mine.get("/")
    assert "disabled" in sign_in(provider, browser(), mina("staff"), 403)
    with read(engine) as session:
        assert person_of(session, raw, clock()) is None
    with write(engine) as session:
        enable_account(session, "mina.kim", actor="root", now=clock())
        assert person_of(session, raw, clock()).name == "mina.kim"
    sign_in(provider, browser(), mina("staff"))


def test_a_name_that_somebody_has_is_never_taken_over(browser, provider, engine, clock):
    with write(engine) as session:
        add_account(session, "mina.kim", Role.ADMIN, actor="root", now=clock())
    assert "another account has this name" in sign_in(provider, browser(), mina("staff"), 403)
    assert account(engine).subject is None and account(engine).role == "admin"
    twin = Person({"sub": "other", "preferred_username": "vera", "groups": ["hm-admins"]})
    sign_in(provider, browser(), twin, 403)
    assert account(engine, "vera").role == "viewer"


def test_who_is_renamed_at_the_provider_stays_the_same_account(browser, provider, engine):
    sign_in(provider, browser(), mina("staff"))
    renamed = Person({"sub": "7f3a", "preferred_username": "mina.park", "groups": ["staff"]})
    assert "mina.kim" in sign_in(provider, browser(), renamed)
    assert account(engine, "mina.park") is None


BENT = [
    ({"nonce": "another"}, "nonce"), ({"nonce": None}, "nonce"),
    ({"aud": "another-client"}, "aud"), ({"aud": ["another-client"]}, "aud"), ({"aud": None}, "aud"),
    ({"aud": [CLIENT, "another"]}, "azp"), ({"azp": "another"}, "azp"),
    ({"iss": "https://evil.example"}, "iss"), ({"iss": None}, "iss"),
    ({"exp": 1_600_000_000}, "expired"), ({"exp": None}, "exp"), ({"iat": 4_000_000_000}, "issued"),
    ({"sub": None}, "sub"), ({"sub": ["7f3a"]}, ""), ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
    ({"preferred_username": None}, "preferred_username")]


def test_a_token_that_is_not_of_this_sign_in_for_us_and_for_now_is_refused(browser, provider, engine):
    mine = browser()
    for bent, says in BENT:
        page = sign_in(provider, mine, mina("hm-admins", **bent), 403)
        assert says in page and "Traceback" not in page, bent
        assert account(engine) is None and "Sign in" in mine.get("/"), bent


def test_a_provider_that_talks_nonsense_breaks_nothing(browser, provider, engine):
    for bent in ({"exp": "soon"}, {"aud": {"a": 1}}, {"azp": [CLIENT]}, {"nonce": ["a"]}, {"amr": 5}, {"at_hash": 5},
                 {"sub": ""}, {"sub": "x" * 300}, {"preferred_username": 5}, {"preferred_username": "a b"},
                 {"preferred_username": "trainer"}, {"groups": {"hm-admins": True}}, {"groups": None}):
        page = browser()
        provider.person = mina("hm-admins", **bent)
        answer = page.client.get(way_back(provider, page))
        assert answer.status_code in (403, 503) and "defect" not in answer.text, bent
    provider.key_document = {"no": "keys"}
    assert "does not answer as one" in sign_in(provider, browser(), mina("hm-admins"), 503)
    with read(engine) as session:
        assert session.exec(select(Account).where(Account.subject != None)).all() == []  # noqa: E711


def test_a_token_that_the_provider_did_not_sign_is_refused(browser, provider, engine):
    def coded(content):
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    def unsigned(claims, algorithm="none"):
        return ".".join([*(coded(json.dumps(each).encode()) for each in ({"alg": algorithm}, claims)), ""])

    def by_public_key(claims):                        # the old trick: the public key as the secret of an HMAC
        told = unsigned(claims, "HS256").rstrip(".")
        return f"{told}.{coded(hmac.digest(provider.key.as_pem(private=False), told.encode(), 'sha256'))}"

    for sign in (unsigned, by_public_key, lambda claims: provider.signed(claims, provider.other_key),
                 lambda claims: "not.a.token", lambda claims: ""):
        person = mina("hm-admins")
        person.sign = sign
        assert "token is not valid" in sign_in(provider, browser(), person, 403)
    assert account(engine) is None


def test_a_state_counts_once_in_the_browser_that_began_and_not_for_long(browser, provider, engine, clock):
    provider.person = mina("staff")
    mine, thief = browser(), browser()
    thief.get("/sign-in")
    back = way_back(provider, mine)
    assert "not begun here" in thief.get(back, 403)
    mine.get(back)
    assert "was used already" in mine.get(back, 403)
    late = browser()
    back = way_back(provider, late)
    clock.wait(minutes=10)
    assert "is over" in late.get(back, 403)
    browser().get("/sign-in/provider/back?state=made-up&code=x", 403)
    browser().get("/sign-in/provider/back", 403)
    way_back(provider, browser())
    with read(engine) as session:
        assert len(session.exec(select(ProviderSignIn)).all()) == 1, "what is over is forgotten"


def test_a_failed_way_back_uses_the_state_up_too(browser, provider):
    provider.person, mine = mina("staff"), browser()
    back = way_back(provider, mine)
    broken = back.replace("code=", "code=x")
    assert "the provider refuses" in mine.get(broken, 403)
    mine.get(back, 403)


def test_an_answer_of_another_provider_or_a_refusal_is_told(browser, provider):
    provider.person, mine = mina("staff"), browser()
    back = way_back(provider, mine)
    query = parse_qs(urlsplit(back).query)
    mixed = f"/sign-in/provider/back?state={query['state'][0]}&code={query['code'][0]}&iss=https://evil.example"
    assert "another provider" in mine.get(mixed, 403)
    provider.refuses = "access_denied <script>"
    page = mine.get(way_back(provider, mine), 403)
    assert "access_denied" in page and "<script>alert" not in page and "&lt;script&gt;" in page


def test_the_code_is_worth_nothing_without_the_verifier_that_stays_here(browser, provider, engine):
    provider.person, mine = mina("staff"), browser()
    back = way_back(provider, mine)
    with write(engine) as session:
        session.exec(select(ProviderSignIn)).one().verifier = "x" * 64
    assert "invalid_grant" in mine.get(back, 403)


def test_a_session_is_new_after_the_provider_too(browser, provider, engine):
    mine = browser()
    mine.get("/sign-in")
    before = mine.client.cookies["hypermatch_session"]
    sign_in(provider, mine, mina("staff"))
    assert mine.client.cookies["hypermatch_session"] != before
    with read(engine) as session:
        assert len(session.exec(select(ConsoleSession).where(ConsoleSession.account == "mina.kim")).all()) == 1


def test_new_keys_of_the_provider_count_at_once_and_what_it_says_of_itself_is_remembered(browser, provider, clock):
    sign_in(provider, browser(), mina("staff"))
    provider.change_keys()
    sign_in(provider, browser(), mina("staff"))
    assert provider.asked == ["metadata"]
    clock.wait(hours=1)
    sign_in(provider, browser(), mina("staff"))
    assert provider.asked == ["metadata"] * 2


def test_roles_may_lie_inside_a_claim_and_everybody_may_have_one(open_console, provider, engine):
    opened = open_console(role_claim="realm_access.roles", roles="boss=admin,*=viewer")
    nested = Person({"sub": "1", "preferred_username": "mina.kim", "realm_access": {"roles": ["boss"]}})
    sign_in(provider, opened(), nested)
    assert account(engine).role == "admin"
    sign_in(provider, opened(), Person({"sub": "2", "preferred_username": "bo", "realm_access": "boss"}))
    assert account(engine, "bo").role == "viewer"


def test_an_email_names_an_account_only_where_it_is_verified(open_console, provider, engine):
    opened = open_console(name_claim="email", roles="*=viewer")
    for verified, status in ((None, 403), ("true", 403), (False, 403), (True, 200)):
        person = Person({"sub": "1", "email": "Mina@acme.example"}, {"email_verified": verified})
        sign_in(provider, opened(), person, status)
    assert account(engine, "mina@acme.example").role == "viewer"


def test_a_provider_that_is_away_or_somebody_else_is_told_in_a_line(open_console, provider):
    nobody = open_console(issuer=f"http://127.0.0.1:{free_port()}")()
    assert "does not answer" in nobody.get("/sign-in/provider", 503)
    other = open_console(issuer=provider.issuer + "/")()
    assert "it calls itself" in other.get("/sign-in/provider", 503)
    wrong = open_console(client_secret="not the secret")()
    assert "invalid_client" in sign_in(provider, wrong, mina("staff"), 403)


def test_without_a_provider_there_is_no_way_to_one(signed_in, app):
    ada = Browser(TestClient(app, base_url=HOST))
    ada.get("/sign-in/provider", 404)
    assert "/sign-in/provider" not in ada.get("/sign-in")


@pytest.mark.parametrize("changed", [
    {"issuer": "http://idp.example"}, {"issuer": "idp.example"}, {"issuer": "https://user@idp.example"},
    {"roles": "staff"}, {"roles": "staff=king"}, {"roles": ""}, {"client_id": ""}, {"scopes": "email"}])
def test_settings_that_could_not_work_are_refused_before_anybody_signs_in(changed):
    with pytest.raises(ValidationError):
        OidcSettings(**{"issuer": "https://idp.example", "client_id": CLIENT, "roles": ROLES, **changed})


def test_the_secret_is_on_no_page(open_console, provider, engine, clock):
    opened = open_console()()
    sign_in(provider, opened, mina("hm-admins"))
    page = opened.get("/settings")
    assert provider.issuer in page and SECRET not in page


def test_an_administrator_disables_and_enables_on_the_page(open_console, provider, engine):
    boss = open_console()()
    sign_in(provider, boss, Person({"sub": "b", "preferred_username": "boss", "groups": ["hm-admins"]}))
    sign_in(provider, open_console()(), mina("staff"))
    assert "by the provider" in boss.get("/people")
    boss.post("/people/mina.kim/disable", page="/people")
    assert "disabled" in boss.last.text and account(engine).disabled_at is not None
    boss.post("/people/mina.kim/enable", page="/people")
    assert account(engine).disabled_at is None
    boss.post("/people/root/disable", page="/people")
    boss.post("/people/boss/disable", status=422, page="/people")
