"""Takes the pictures in docs/console (`make screenshots`): figures that are made up, texts of BANKING77."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page

from infra.demo.cast import deal
from infra.parts import free_port
from registry.artifacts.store import ArtifactStore
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import migrate, open_database
from registry.settings import RegistrySettings
from tests.registry.console.running import chromium, served
from tests.registry.console.town import PASSWORD, PEOPLE, settle, start_run

PICTURES = Path(__file__).parents[3] / "docs" / "console"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TALLEST = 2_800
SHOTS = {                                             # name -> where, size, dark, language
    "sign-in": ("/sign-in", WIDE, False, "en"),
    "overview": ("/", WIDE, False, "en"),
    "overview-dark": ("/", WIDE, True, "ko"),
    "task": ("/tasks/intents", WIDE, False, "en"),
    "task-empty": ("/tasks/empty", WIDE, False, "en"),
    "version": ("/tasks/intents/versions/2", WIDE, False, "en"),
    "version-dark": ("/tasks/intents/versions/2", WIDE, True, "en"),
    "version-phone": ("/tasks/intents/versions/2", PHONE, False, "ko"),
    "drift": ("/tasks/intents/drift/14", WIDE, False, "en"),
    "discovery": ("/tasks/intents/discovery", WIDE, False, "en"),
    "discovery-dark": ("/tasks/intents/discovery", WIDE, True, "ko"),
    "review": ("/tasks/intents/review", WIDE, False, "en"),
    "labels": ("/tasks/intents/labels", WIDE, False, "en"),
    "label": ("/tasks/intents/labels/1", WIDE, False, "en"),
    "runs": ("/runs", WIDE, False, "en"),
    "run": ("/runs/4", WIDE, False, "en"),
    "prompts": ("/prompts", WIDE, False, "en"),
    "prompt": ("/prompts/label-english", WIDE, False, "en"),
    "audit": ("/audit", WIDE, False, "en"),
    "people": ("/people", WIDE, False, "en"),
    "account": ("/account", WIDE, False, "en"),
    "settings": ("/settings", WIDE, False, "en"),
    "webhooks": ("/webhooks", WIDE, False, "en"),
}


def main(names: list[str]) -> None:
    """Take the named pictures, all of them if none is named."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/registry.db"
        migrate(url)
        engine, store, cast = open_database(url), ArtifactStore(f"{folder}/artifacts"), deal(seed=1)
        settle(engine, store, datetime.now(UTC), cast.labels, cast.first_labels)
        start_run(engine, datetime.now(UTC))
        app = create_app(engine, store, ConsoleSettings(webhook_hosts="hooks.example"), RegistrySettings(),
                         lambda: datetime.now(UTC))
        with served(app, free_port()) as address, chromium() as browser:
            for name in names or SHOTS:
                where, size, is_dark, language = SHOTS[name]
                page = browser.new_page(viewport=size, color_scheme="dark" if is_dark else "light",
                                        locale="ko-KR" if language == "ko" else "en-US")
                if where != "/sign-in":
                    sign_in(page, address, "root")
                page.goto(address + where)
                if name == "review":
                    page.click("main button.primary")
                height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
                page.screenshot(path=PICTURES / f"{name}.png", full_page=True,
                                clip={"x": 0, "y": 0, "width": size["width"], "height": height})
                page.close()


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("#name", name)
    page.fill("#password", f"{PASSWORD} {PEOPLE[name].value[::-1]}")
    page.click("button.primary")
    page.wait_for_url(f"{address}/")


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    main(sys.argv[1:])
