"""In real Chromium: late forms, double clicks, keys and names of any length do no harm."""

from playwright.sync_api import expect

from infra.parts import free_port
from registry.audit import entries
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import migrate, open_database, read, write
from registry.settings import RegistrySettings
from registry.tasks import create_task
from tests.registry.console.conftest import password_of
from tests.registry.console.running import served
from tests.registry.console.screenshots import sign_in
from tests.registry.console.test_browser import V2, address, person, stage, window  # noqa: F401  fixtures
from tests.registry.console.town import settle

LONG = ("unbreakable" * 12, "가나다라" * 20)


def test_a_form_that_comes_too_late_says_so_and_its_page_is_one_sign_in_away(person, engine, clock):  # noqa: F811
    page = person("ada")
    page.goto(V2)
    page.get_by_text("Approve", exact=True).click()
    expect(page.locator("details[open] textarea")).to_be_focused()
    page.keyboard.type("written for ten minutes")
    clock.wait(hours=2)
    page.get_by_role("button", name="Approve v2").click()
    expect(page.get_by_role("status")).to_contain_text("nothing was changed")
    page.fill("#name", "ada")
    page.fill("#password", password_of("ada"))
    page.press("#password", "Enter")
    expect(page.locator("h1")).to_contain_text("Awaiting approval")
    assert stage(engine, 2) == "awaiting approval"


def test_two_clicks_and_a_step_back_approve_once(person, engine):  # noqa: F811
    page = person("ada")
    page.goto(V2)
    page.get_by_text("Approve", exact=True).click()
    expect(page.locator("details[open] textarea")).to_be_focused()
    page.keyboard.type("good")
    page.get_by_role("button", name="Approve v2").dblclick()
    expect(page.get_by_role("status")).to_contain_text("Approved")
    page.go_back()
    expect(page.locator("h1")).to_contain_text("Approved")
    with read(engine) as session:
        assert len([entry for entry in entries(session, action="model:approved") if entry.actor == "ada"]) == 2


def test_the_models_guess_is_taken_by_one_key_and_not_to_be_had_when_it_is_hidden(person, engine):  # noqa: F811
    page = person("lars")
    page.goto("/tasks/intents/review")
    with page.expect_navigation():
        page.get_by_role("button", name="Start labeling").click()
    expect(page.get_by_role("button", name="Take it")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("g")
    expect(page.get_by_role("status")).to_contain_text("the model guessed the same")
    page.goto("/tasks/intents/review?mode=blind")
    expect(page.locator(".asked")).to_be_visible()
    assert "the model guesses" not in page.locator("main").inner_text() and page.locator("[data-key=g]").count() == 0
    with page.expect_navigation():
        page.keyboard.press("1")
    expect(page.get_by_role("status")).to_contain_text("the model guessed")


def test_names_of_any_length_fit_a_phone(window, store, clock, tmp_path):  # noqa: F811
    url = f"sqlite:///{tmp_path}/long.db"
    migrate(url)
    engine = open_database(url)
    settle(engine, store, clock(), [f"{name}{number}" for name in LONG for number in "123"])
    with write(engine) as session:
        create_task(session, "t" * 63, ["yes", "no"], actor="town", now=clock(), description="d" * 300)
    app = create_app(engine, store, ConsoleSettings(), RegistrySettings(), clock)
    with served(app, free_port()) as place:
        page = window.new_page(viewport={"width": 360, "height": 740}, locale="ko-KR")
        sign_in(page, place, "root")
        for path in ("/", "/tasks/intents", V2, "/tasks/intents/discovery", "/tasks/intents/drift/14",
                     "/tasks/intents/labels", "/tasks/intents/labels/1", "/tasks/intents/review", "/people"):
            page.goto(place + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.close()
