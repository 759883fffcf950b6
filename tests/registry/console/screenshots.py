"""Takes the pictures in docs/console (`make screenshots`): figures that are made up, texts of BANKING77."""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from infra.demo.cast import deal
from infra.parts import free_port
from registry.accounts.tokens import create_token
from registry.artifacts.store import ArtifactStore
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import migrate, open_database, write
from registry.settings import RegistrySettings
from registry.webhooks.hooks import add_webhook, list_deliveries
from registry.webhooks.outbox import MAX_ATTEMPTS, queue
from registry.webhooks.outbox import settle as deliver
from tests.registry.console.running import chromium, served
from tests.registry.console.town import PASSWORD, PEOPLE, settle, start_run
from tests.registry.console.watched import breathe

PICTURES = Path(__file__).parents[3] / "docs" / "console"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TALLEST = 2_000
SHOTS = {                                             # name -> where, size, dark, language; # is one screen from there
    "sign-in": ("/sign-in", WIDE, False, "en"),
    "overview": ("/", WIDE, False, "en"),
    "overview-dark": ("/", WIDE, True, "ko"),
    "overview-phone": ("/", PHONE, False, "en"),
    "task": ("/tasks/intents", WIDE, False, "en"),
    "task-classes": ("/tasks/intents#classes", WIDE, False, "en"),
    "task-empty": ("/tasks/empty", WIDE, False, "en"),
    "version": ("/tasks/intents/versions/2", WIDE, False, "en"),
    "version-lineage": ("/tasks/intents/versions/2#classes", WIDE, False, "en"),
    "version-dark": ("/tasks/intents/versions/2", WIDE, True, "ko"),
    "version-phone": ("/tasks/intents/versions/2", PHONE, False, "ko"),
    "drift": ("/tasks/intents/drift/14", WIDE, False, "en"),
    "discovery": ("/tasks/intents/discovery", WIDE, False, "en"),
    "discovery-dark": ("/tasks/intents/discovery", WIDE, True, "ko"),
    "review": ("/tasks/intents/review", WIDE, False, "en"),
    "review-phone": ("/tasks/intents/review", PHONE, True, "ko"),
    "labels": ("/tasks/intents/labels#main", WIDE, False, "en"),
    "label": ("/tasks/intents/labels/1", WIDE, False, "en"),
    "runs": ("/runs", WIDE, False, "en"),
    "run": ("/runs/4", WIDE, False, "en"),
    "prompts": ("/prompts", WIDE, False, "en"),
    "prompt": ("/prompts/label-english", WIDE, False, "en"),
    "audit": ("/audit#main", WIDE, False, "en"),
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
        settle(engine, store, datetime.now(UTC) - timedelta(minutes=4), cast.labels, cast.first_labels,
               cast.traffic)
        start_run(engine, datetime.now(UTC) - timedelta(minutes=2))
        furnish(engine, datetime.now(UTC))
        app = create_app(engine, store, ConsoleSettings(webhook_hosts="hooks.example"), RegistrySettings(),
                         lambda: datetime.now(UTC))
        with served(app, free_port()) as address, chromium() as browser:
            page = browser.new_page()
            sign_in(page, address, "root")
            state = page.context.storage_state()
            for name in names or SHOTS:
                with write(engine) as session:
                    breathe(session, datetime.now(UTC))
                take(browser, address, name, state)


def furnish(engine: Engine, now: datetime) -> None:
    """Add what the tests do without: a token, webhooks and how their deliveries went."""
    with write(engine) as session:
        create_token(session, "root", "release pipeline", scopes=["read", "decide"], days=90, actor="root", now=now)
        for name, is_slack in (("on-call", True), ("archive", False)):
            hook = add_webhook(session, name, f"https://hooks.example/{name}", is_slack=is_slack, actor="root", now=now,
                               events=["model:passed_gate", "model:promoted", "drift:alarmed"], hosts=["hooks.example"])
            hook.told_until = 0
        queue(session, now - timedelta(minutes=5))
        for number, delivery in enumerate(list_deliveries(session)):
            says = {1: ["answered 503"] * 6, 3: ["TimeoutError: timed out"] * MAX_ATTEMPTS}.get(number, [""])
            for each in says:
                deliver(session, delivery.id or 0, each, now)


def take(browser: Browser, address: str, name: str, state: Any) -> None:
    """Take one picture with the session in `state`, which only the page for signing in does without."""
    where, size, is_dark, language = SHOTS[name]
    page = browser.new_page(viewport=size, color_scheme="dark" if is_dark else "light",
                            locale="ko-KR" if language == "ko" else "en-US", reduced_motion="reduce",
                            storage_state=None if where == "/sign-in" else state)
    page.goto(address + where)
    if name.startswith("review"):
        if page.locator(".asked").count() == 0:
            page.click("main button.primary")
        page.wait_for_selector(".asked")
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    whole = {"full_page": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": height}}
    page.screenshot(path=PICTURES / f"{name}.png", **({} if "#" in where else whole))
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
