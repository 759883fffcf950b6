"""The console on a settled registry, and browsers that are signed in."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.testclient import TestClient

from registry.artifacts.store import ArtifactStore
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import migrate, open_database
from registry.settings import RegistrySettings
from tests.conftest import NOW
from tests.registry.console.town import PASSWORD, PEOPLE, settle

HOST = "http://console.test"


@dataclass
class Clock:
    """A clock that goes only when told to."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def wait(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@dataclass
class Browser:
    """A browser of one person: keeps cookies, sends forms as its pages made them."""

    client: TestClient
    last: Any = field(default=None)

    def get(self, path: str, status: int = 200) -> str:
        self.last = self.client.get(path)
        assert self.last.status_code == status, self.last.text
        return str(self.last.text)

    def post(self, path: str, form: dict[str, str] | None = None, status: int = 200, page: str = "/",
             **more: Any) -> str:
        """Send a form with the token of `page`; a redirect is followed."""
        token = re.search(r'name="form_token" value="([0-9a-f]+)"', self.client.get(page).text)
        assert token, f"{page} has no form"
        self.last = self.client.post(path, data={"form_token": token[1], **(form or {})}, headers={"Origin": HOST},
                                     **more)
        assert self.last.status_code == status, self.last.text
        return str(self.last.text)

    def sign_in(self, name: str, password: str, status: int = 200) -> None:
        self.post("/sign-in", {"name": name, "password": password}, status, page="/sign-in")


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settle once; each test gets a copy."""
    folder = tmp_path_factory.mktemp("town")
    migrate(f"sqlite:///{folder}/registry.db")
    engine = open_database(f"sqlite:///{folder}/registry.db")
    settle(engine, ArtifactStore(str(folder / "artifacts")), NOW)
    engine.dispose()                                  # SQLite folds its log into the file
    return folder


@pytest.fixture
def registry_url(town: Path, tmp_path: Path) -> str:
    shutil.copytree(town, tmp_path, dirs_exist_ok=True)
    return f"sqlite:///{tmp_path}/registry.db"


@pytest.fixture
def app(engine: Engine, store: ArtifactStore, clock: Clock) -> Starlette:
    return create_app(engine, store, ConsoleSettings(webhook_hosts="hooks.example"), RegistrySettings(), clock)


@pytest.fixture
def browser(app: Starlette) -> Callable[[], Browser]:
    """Open a browser that nobody signed in with."""
    return lambda: Browser(TestClient(app, base_url=HOST, raise_server_exceptions=False))


@pytest.fixture
def signed_in(browser: Callable[[], Browser]) -> Callable[[str], Browser]:
    """Open a browser in which one of the town's people is signed in."""
    def sign_in(name: str) -> Browser:
        opened = browser()
        opened.sign_in(name, password_of(name))
        return opened

    return sign_in


def password_of(name: str) -> str:
    return f"{PASSWORD} {PEOPLE[name].value[::-1]}"
