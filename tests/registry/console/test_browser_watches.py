"""In real Chromium: lines of a run come by themselves, the map moves and tells, what is framed reaches nothing."""

import pytest
from playwright.sync_api import expect

from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import write
from registry.lifecycle.runs import finish_run
from registry.settings import RegistrySettings
from registry.watching.run_lines import Line, keep_lines
from tests.registry.console.screenshots import sign_in
from tests.registry.console.test_browser import address, person, window  # noqa: F401  fixtures
from tests.registry.console.town import HOSTILE, start_run

FRAMED = """<html><body><p id="told">nothing</p><script>
const tried = {};
try { tried.parent = parent.document.title; } catch (error) { tried.parent = error.name; }
try { tried.cookie = document.cookie; } catch (error) { tried.cookie = error.name; }
const told = () => { document.getElementById("told").textContent = JSON.stringify(tried); };
const answered = () => { tried.fetch = "answered"; }, refused = () => { tried.fetch = "refused"; };
fetch("/api/v1/openapi.json").then(answered, refused).finally(told);
</script></body></html>"""


@pytest.fixture
def app(engine, store, clock, tmp_path):
    return create_app(engine, store, ConsoleSettings(drift_reports=str(tmp_path / "drift")), RegistrySettings(), clock)


def test_lines_of_a_run_come_by_themselves_and_as_text(person, engine, now):  # noqa: F811
    run = start_run(engine, now)
    page = person("vera")
    page.goto(f"/runs/{run}")
    expect(page.locator(".log li")).to_have_count(4)
    with write(engine) as session:
        keep_lines(session, run, [Line(now, "WARNING", HOSTILE)])
    expect(page.locator(".log li.warning").last).to_contain_text("<script>alert(1)</script> ⟨U+202E⟩", timeout=30_000)
    expect(page.locator(".log li")).to_have_count(5)
    with write(engine) as session:
        finish_run(session, run, version_number=None, outcome="nothing came of it", now=now)
    expect(page.get_by_text("nothing came of it")).to_be_visible(timeout=30_000)
    expect(page.locator(".log li")).to_have_count(5)


def test_the_map_colors_moves_and_tells_a_text_at_once(person):  # noqa: F811
    page = person("vera")
    page.goto("/tasks/intents/discovery")
    drawing, whole = page.locator("svg.atlas"), "0 0 1000 560"
    expect(page.locator(".legend-proposal")).to_be_visible()
    page.check("#by-label")
    expect(page.locator(".legend-label")).to_be_visible()
    expect(page.locator(".legend-proposal")).to_be_hidden()
    page.get_by_role("button", name="Zoom in").click()
    expect(drawing).not_to_have_attribute("viewBox", whole)
    drawing.focus()
    page.keyboard.press("0")
    expect(drawing).to_have_attribute("viewBox", whole)
    page.locator(".atlas circle").first.dispatch_event("pointermove", {"clientX": 500, "clientY": 400})
    expect(page.locator("[data-tip]")).to_be_visible()
    expect(page.locator("[data-tip]")).not_to_be_empty()


def test_what_is_framed_reaches_neither_the_page_around_it_nor_the_session(window, address, tmp_path):  # noqa: F811
    pages = tmp_path / "drift" / "pages" / "intents"
    pages.mkdir(parents=True)
    (pages / "14.html").write_text(FRAMED)
    page = window.new_page(base_url=address, locale="en-US")      # what is refused stands on the browser's console
    sign_in(page, address, "vera")
    page.goto("/tasks/intents/drift/14")
    page.get_by_text("Data drift and descriptions of the texts").click()
    told = page.frame_locator("iframe").locator("#told")
    expect(told).to_have_text('{"parent":"SecurityError","cookie":"SecurityError","fetch":"refused"}', timeout=30_000)
    page.close()
