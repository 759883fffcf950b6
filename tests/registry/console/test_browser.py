"""In real Chromium: what people do on the pages is what happens, and nothing hostile runs."""

from importlib.util import find_spec

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from infra.parts import free_port
from registry.audit import entries
from registry.database import read, write
from registry.lifecycle.promotion import approve as approve_elsewhere
from registry.lifecycle.runs import finish_run, report_progress
from registry.lifecycle.versions import get_version
from registry.tables import LabeledText
from registry.tasks import label_space
from tests.conftest import require
from tests.registry.console.conftest import password_of
from tests.registry.console.running import CHROMIUM, chromium, served
from tests.registry.console.test_pages import PAGES
from tests.registry.console.town import start_run

V2 = "/tasks/intents/versions/2"
ONE_OF_EACH = ["/", "/tasks/intents", "/tasks/empty", f"{V2}?verify=1", "/tasks/intents/drift/14",
               "/tasks/intents/discovery", "/tasks/empty/discovery", "/tasks/intents/review", "/tasks/intents/labels",
               "/tasks/intents/labels/1", "/runs", "/runs/1", "/prompts", "/prompts/label-english", "/audit?verify=1",
               "/settings", "/account", "/people", "/webhooks"]


@pytest.fixture(scope="module")
def window():
    require(CHROMIUM is not None, "Chromium (`apt-get install chromium`)")
    with chromium() as opened:
        yield opened


@pytest.fixture
def address(app):
    with served(app, free_port()) as url:
        yield url


@pytest.fixture
def person(window, address):
    """Open a page in which somebody is signed in; anything on its console fails the test in the end."""
    opened, complaints = [], []

    def sign_in(name, language="en-US", **options):
        context = window.new_context(base_url=address, locale=language, **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"{page.url}: dialog {dialog.message}"))
        page.goto("/sign-in")
        page.fill("#name", name)
        page.fill("#password", password_of(name))
        page.press("#password", "Enter")
        page.wait_for_url(f"{address}/")
        return page

    yield sign_in
    for context in opened:
        context.close()
    assert [each for each in complaints if "409 (Conflict)" not in each and "403 (Forbidden)" not in each] == []


def decide(page, label, button, reason):
    page.get_by_text(label, exact=True).click()
    expect(page.locator("details[open] textarea")).to_be_focused()
    page.keyboard.type(reason)
    page.get_by_role("button", name=button).click()


def stage(engine, number):
    with read(engine) as session:
        return get_version(session, "intents", number).stage.value


def test_a_version_is_approved_promoted_and_rolled_back_by_hand(person, engine):
    page = person("ada")
    page.get_by_role("link", name="intents").click()
    page.get_by_role("link", name="v2").click()
    decide(page, "Approve", "Approve v2", "mends 44 texts")
    expect(page.get_by_role("status")).to_contain_text("Approved")
    decide(page, "Promote", "Make v2 the champion", "go")
    expect(page.get_by_role("status")).to_contain_text("Promoted")
    assert (stage(engine, 1), stage(engine, 2)) == ("archived", "champion")
    page.goto("/tasks/intents/versions/1")
    decide(page, "Roll back to this", "Make v1 the champion again", "complaints")
    assert (stage(engine, 1), stage(engine, 2)) == ("champion", "archived")
    with read(engine) as session:
        told = [(entry.action, entry.actor, entry.reason) for entry in entries(session, subject="intents v2")]
    assert ("model:approved", "ada", "mends 44 texts") in told and ("model:promoted", "ada", "go") in told


def test_a_version_is_rejected_by_hand(person, engine):
    page = person("ada")
    page.goto(V2)
    decide(page, "Reject", "Reject v2", "too slow")
    expect(page.locator("h1")).to_contain_text("Rejected")
    assert stage(engine, 2) == "rejected"


def test_a_stale_approval_shows_who_decided_meanwhile(person, engine, now):
    page = person("ada")
    page.goto(V2)
    with write(engine) as session:
        approve_elsewhere(session, "intents", 2, actor="bo", reason="seen enough", now=now)
    decide(page, "Approve", "Approve v2", "mine")
    expect(page.get_by_role("alert")).to_contain_text("bo decided")
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("h1")).to_contain_text("Approved")


def test_a_viewer_sees_no_decision(person):
    page = person("vera")
    page.goto(V2)
    expect(page.get_by_text("Deciding needs the role approver.")).to_be_visible()
    assert page.locator("details.ask").count() == 0


@pytest.mark.parametrize("language", ["en-US", "ko-KR"])
def test_every_page_opens_without_a_complaint_of_the_browser(person, engine, now, language):
    page = person("root", language)
    for path in [*PAGES, "/webhooks"]:
        answer = page.goto(path)
        assert answer.status == 200, path
        assert page.evaluate("document.documentElement.lang") == language[:2]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the window"
        ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids)) and page.evaluate("document.querySelectorAll('h1').length") == 1, path
        assert "HyperMatch" in page.title()


def test_pages_fit_a_phone_in_the_dark(person):
    page = person("ada", viewport={"width": 360, "height": 740}, color_scheme="dark")
    for path in ("/", "/tasks/intents", V2, "/tasks/intents/labels", "/runs", "/audit", "/tasks/intents/drift/14"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def open_by_keyboard(page, question):
    page.locator("summary", has_text=question).focus()
    page.keyboard.press("Enter")
    expect(page.locator("details[open] textarea")).to_be_focused()


def test_a_question_closes_by_escape_and_gives_the_cursor_back(person):
    page = person("ada")
    page.goto(V2)
    open_by_keyboard(page, "Approve")
    page.keyboard.press("Escape")
    expect(page.locator("summary", has_text="Approve")).to_be_focused()
    assert page.locator("details.ask[open]").count() == 0


def test_the_bar_of_a_run_follows_its_progress_to_the_end(person, engine, now):
    number = start_run(engine, now)
    page = person("vera")
    page.goto(f"/runs/{number}")
    with write(engine) as session:
        report_progress(session, number, step="gate", progress=0.9, now=now)
    expect(page.locator("[data-percent]")).to_have_text("90 %")
    with write(engine) as session:
        finish_run(session, number, version_number=2, outcome="v2 awaits approval", now=now)
    expect(page.locator("h1")).to_contain_text("Succeeded")


def test_twenty_texts_are_labeled_by_keyboard(person, engine):
    page = person("lars")
    page.goto("/tasks/intents/review")
    expect(page.get_by_role("button", name="Start labeling")).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    seen = set()
    for i in range(20):
        expect(page.locator(".asked")).to_be_visible()
        assert page.locator(".asked").inner_text() not in seen
        seen.add(page.locator(".asked").inner_text())
        with page.expect_navigation():
            page.keyboard.press(str(i % 3 + 1))
    with page.expect_navigation():
        page.keyboard.press("u")
    assert page.locator(".asked").inner_text() in seen
    with read(engine) as session:
        found = session.exec(select(LabeledText).where(LabeledText.origin.startswith("review item"))).all()
    assert len(found) == 19 and {row.label for row in found} == {"card lost", "money missing", "other"}


def test_a_proposed_class_is_accepted_by_hand(person, engine):
    page = person("ada")
    page.goto("/tasks/intents/discovery")
    card = page.locator("#proposal-1")
    card.get_by_role("checkbox").nth(1).uncheck()
    card.get_by_label("Accept as a new class called").fill("refund")
    card.get_by_label("Reason").fill("they ask for it")
    card.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("status")).to_contain_text("Accepted")
    with read(engine) as session:
        assert "refund" in label_space(session, "intents").labels


def test_no_page_shuts_anybody_out(person):
    """WCAG 2.1 A and AA by axe-core: every rule in the light, the contrast once more in the dark."""
    require(find_spec("axe_playwright_python") is not None, "axe-playwright-python (`pip install '.[test]'`)")
    from axe_playwright_python.sync_playwright import Axe

    page, axe, found = person("root"), Axe(), []
    for path in ONE_OF_EACH:
        page.goto(path)
        for scheme, only in (("light", {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}),
                             ("dark", {"type": "rule", "values": ["color-contrast"]})):
            page.emulate_media(color_scheme=scheme)
            found += [(path, scheme, rule["id"], [node["html"][:200] for node in rule["nodes"]][:3])
                      for rule in axe.run(page, options={"runOnly": only, "resultTypes": ["violations"]})
                      .response["violations"]]
    assert not found, found
