"""In real Chromium: all servers are asked to change together and followed to the end, with script or without."""

from importlib.util import find_spec

import pytest
from playwright.sync_api import expect

from registry.audit import entries
from registry.database import database_time, read, write
from registry.lifecycle.flipping import advance, promote_together
from registry.lifecycle.flips import give_up_flip
from registry.lifecycle.promotion import approve
from tests.conftest import require
from tests.registry.console.test_browser import V2, address, open_by_keyboard, person, window  # noqa: F401  fixtures
from tests.registry.console.test_flip_pages import champion, serve, told

TASK = "/tasks/intents"


@pytest.fixture(autouse=True)
def approved(engine, now):
    """v2 is approved, and two servers answer with v1."""
    with write(engine) as session:
        approve(session, "intents", 2, actor="ada", reason="mends 44 texts", now=now)
    serve(engine, "server@a:1", 1)
    serve(engine, "server@b:2", 1)


def ask(engine):
    with write(engine) as session:
        promote_together(session, "intents", 2, actor="ada", reason="one version for all", now=database_time(session))


def go_on(engine):
    with write(engine) as session:
        advance(session, "intents", by="server@b:2", now=database_time(session))


def test_servers_are_asked_by_keyboard_and_followed_to_the_end_without_a_touch(person, engine):  # noqa: F811
    page = person("ada")
    page.goto(V2)
    open_by_keyboard(page, "Promote")
    page.keyboard.type("one version for all")
    expect(page.get_by_label("Minutes that servers may take")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("All servers together")).to_be_checked()
    page.get_by_label("Minutes that servers may take").select_option("15")
    page.get_by_role("button", name="Make v2 the champion").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Every server prepares it")
    assert page.url.endswith(TASK), "what was done is told once"
    expect(page.locator("#flip")).to_contain_text("0 of 2 servers hold it")
    serve(engine, "server@b:2", 1, 2)
    expect(page.locator("#flip [data-step]")).to_have_text("1 of 2 servers hold it", timeout=30_000)
    expect(page.locator("#flip [data-ready]")).to_have_text("server@b:2")
    expect(page.locator("#flip [data-awaited]")).to_have_text("server@a:1")
    assert page.locator("#flip progress").evaluate("each => each.value") == 0.5
    serve(engine, "server@a:1", 1, 2, poll_seconds=1.0)
    go_on(engine)
    expect(page.locator("#flip")).to_contain_text("Servers changed at", timeout=30_000)
    assert champion(engine)[0] == 2 and page.get_by_role("status").count() == 0
    expect(page.locator("#flip [data-awaited]")).to_have_text("server@a:1, server@b:2")
    for name in ("server@a:1", "server@b:2"):
        serve(engine, name, 1, 2, answers=2)
    expect(page.locator("#flip [data-awaited]")).to_have_count(0, timeout=30_000)
    expect(page.locator("#flip [data-ready]")).to_have_text("server@a:1, server@b:2")
    assert told(engine, "model:promoted")[-1] == ("ada", "intents v2", "one version for all")


def test_a_flip_is_given_up_by_hand_while_another_person_looks_on(person, engine):  # noqa: F811
    ask(engine)
    ada, vera = person("ada"), person("vera", "ko-KR")
    vera.goto(TASK)
    expect(vera.locator("#flip")).to_contain_text("서버 2대 중 0대 준비됨")
    assert vera.locator("#flip details").count() == 0, "who may not decide may look"
    ada.goto(V2)
    ada.get_by_role("link", name="See how far it is").click()
    ada.locator("#flip summary").click()
    expect(ada.locator("details[open] textarea")).to_be_focused()
    ada.keyboard.type("not tonight")
    ada.get_by_role("button", name="Give v2 up").click()
    expect(ada.get_by_role("status")).to_contain_text("What served goes on")
    expect(ada.locator("#flip")).to_contain_text("Given up by ada: not tonight")
    expect(vera.locator("#flip")).to_contain_text("not tonight", timeout=30_000)
    with read(engine) as session:
        found = [(entry.actor, entry.reason) for entry in entries(session, action="model:flip_given_up")]
    assert found == [("ada", "not tonight")]


def test_without_script_all_servers_are_asked_followed_and_given_up_as_well(person, engine):  # noqa: F811
    page = person("ada", java_script_enabled=False)
    page.goto(V2)
    page.locator("summary", has_text="Promote").click()
    page.locator("details[open] textarea").fill("one version for all")
    page.get_by_label("All servers together").check()
    expect(page.get_by_label("Minutes that servers may take")).to_be_visible()
    page.get_by_role("button", name="Make v2 the champion").click()
    expect(page.locator("#flip")).to_contain_text("0 of 2 servers hold it")
    serve(engine, "server@b:2", 1, 2)
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#flip")).to_contain_text("1 of 2 servers hold it")
    page.locator("#flip summary").click()
    page.locator("details[open] textarea").fill("not tonight")
    page.get_by_role("button", name="Give v2 up").click()
    expect(page.locator("#flip")).to_contain_text("Given up by ada: not tonight")


@pytest.mark.parametrize("language", ["en-US", "ko-KR"])
def test_no_state_of_a_flip_is_wider_than_a_phone_or_shuts_anybody_out(person, engine, language):  # noqa: F811
    """WCAG 2.1 A and AA by axe-core, in the light and, for contrast, in the dark; with every form opened."""
    require(find_spec("axe_playwright_python") is not None, "axe-playwright-python (`pip install '.[test]'`)")
    from axe_playwright_python.sync_playwright import Axe

    page, axe, found = person("ada", language, viewport={"width": 360, "height": 740}), Axe(), []

    def look(path, *clicks):
        page.goto(path)
        for each in clicks:
            page.locator(each).first.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        for scheme, only in (("light", {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}),
                             ("dark", {"type": "rule", "values": ["color-contrast"]})):
            page.emulate_media(color_scheme=scheme)
            found.extend((path, scheme, rule["id"], rule["nodes"][0]["html"][:200]) for rule in axe.run(
                page, options={"runOnly": only, "resultTypes": ["violations"]}).response["violations"])

    look(V2, "details.ask:has([name=is_together]) summary", "[name=is_together]")
    ask(engine)
    look(TASK, "#flip summary")
    look(V2)
    with write(engine) as session:
        give_up_flip(session, "intents", actor="ada", reason="not tonight", now=database_time(session))
    look(TASK)
    ask(engine)
    for name in ("server@a:1", f"server@{'long' * 12}:2"):
        serve(engine, name, 1, 2, poll_seconds=600)
    serve(engine, "server@b:2", 1, 2)
    go_on(engine)
    look(TASK)
    assert not found, found
