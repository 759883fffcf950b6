"""What is approved and promoted in the browser is what the running server answers with."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from infra.parts import free_port
from registry.accounts.people import add_account, set_password
from registry.accounts.roles import Role
from registry.artifacts.store import ArtifactStore
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import database_time, migrate, open_database, write
from registry.heartbeats import beat
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.versions import get_version, record_evaluation, record_gate, register_candidate
from registry.settings import RegistrySettings
from registry.tasks import create_task
from serving.routes import create_app as create_server
from serving.settings import ServingSettings
from serving.worker import opened
from tests.conftest import require
from tests.registry.console.running import CHROMIUM, chromium, served
from tests.registry.console.town import PASSWORD
from tests.serving.bundles import tiny_bundle

LABELS = ["lost", "money", "other"]
PATIENCE_SECONDS = 20


@contextmanager
def joined(registry, poll_seconds):
    """A server and a console on one registry, and a browser in which ada has signed in."""
    require(CHROMIUM is not None, "Chromium (`apt-get install chromium`)")
    engine, store = registry
    console = create_app(engine, store, ConsoleSettings(), RegistrySettings(), lambda: datetime.now(UTC))
    settings = ServingSettings(poll_seconds=poll_seconds, threads=1, providers="cpu")
    server = TestClient(create_server(lambda: opened(settings, engine, store)))
    with server, served(console, free_port()) as address, chromium() as browser:
        wait_until_answered_by(server, 1)
        yield server, signed_in(browser, address)


@pytest.fixture
def registry(tmp_path):
    """A task whose v1 is served and whose v2 awaits approval."""
    url, store, now = f"sqlite:///{tmp_path}/served.db", ArtifactStore(str(tmp_path / "bundles")), datetime.now(UTC)
    migrate(url)
    engine = open_database(url)
    with write(engine) as session:
        add_account(session, "ada", Role.APPROVER, actor="test", now=now)
        set_password(session, "ada", PASSWORD, actor="test", now=now)
        create_task(session, "intents", LABELS, actor="test", now=now)
        for seed in (1, 2):
            version = register_candidate(session, "intents", digest=tiny_bundle(store, "intents", LABELS, seed=seed),
                                         label_space=1, run_id=None, requested_by="trainer", recipe={},
                                         bank_version=None, code_revision="r", n_labels=3, now=now)
            record_evaluation(session, version, {}, now=now)
            record_gate(session, version, {"passed": True, "reasons": ["good"]}, now=now)
        approve(session, "intents", 1, actor="test", reason="first", now=now)
        promote(session, "intents", 1, actor="test", reason="first", now=now)
    yield engine, store
    engine.dispose()


def test_what_is_promoted_by_hand_answers_and_what_is_rolled_back_to_answers_again(registry):
    with joined(registry, poll_seconds=0.05) as (server, page):
        page.goto("/tasks/intents/versions/2?verify=1")
        assert "as stored" in page.content()
        for label, button in (("Approve", "Approve v2"), ("Promote", "Make v2 the champion")):
            decide(page, label, button)
        wait_until_answered_by(server, 2)
        page.goto("/tasks/intents/versions/1")
        decide(page, "Roll back to this", "Make v1 the champion again")
        wait_until_answered_by(server, 1)


def test_all_servers_change_at_the_moment_that_the_page_shows(registry):
    engine, _ = registry
    with joined(registry, poll_seconds=0.5) as (server, page):
        tell_of_another_server(engine, 1)
        page.goto("/tasks/intents/versions/2")
        decide(page, "Approve", "Approve v2")
        decide(page, "Promote", "Make v2 the champion", "All servers together")
        expect(page.locator("#flip [data-step]")).to_have_text("1 of 2 servers hold it", timeout=30_000)
        expect(page.locator("#flip [data-awaited]")).to_have_text("server@elsewhere:1")
        wait_until_answered_by(server, 1)
        tell_of_another_server(engine, 1, 2)
        expect(page.locator("#flip")).to_contain_text("Servers changed at", timeout=30_000)
        wait_until_answered_by(server, 2)


def tell_of_another_server(engine, *numbers):
    """Tell the registry of a server on another machine, and what it holds."""
    with write(engine) as session:
        beat(session, process="server@elsewhere:1", kind="server", interval_seconds=100, now=database_time(session),
             says={"holds": {"intents": [get_version(session, "intents", number).digest for number in numbers]},
                   "poll_seconds": 0.5, "serves": {}})


def signed_in(browser, address):
    page = browser.new_page(base_url=address)
    page.goto("/sign-in")
    page.fill("#name", "ada")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(f"{address}/")
    return page


def decide(page, label, button, *ticks):
    page.get_by_text(label, exact=True).click()
    page.locator("details[open] textarea").fill("seen")
    for each in ticks:
        page.get_by_label(each).check()
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()


def wait_until_answered_by(server, number, task="intents"):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = server.post(f"/v1/tasks/{task}/predict", json={"texts": ["my card is lost"]})
        if answer.status_code == 200 and answer.json()["model_version"] == number:
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
