"""Times every page of the console on a large registry: how long a browser waits for the server."""

import itertools
import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from sqlalchemy import Engine
from tqdm import tqdm

from infra.demo.cast import deal
from infra.demo.scale import seed
from infra.parts import free_port
from infra.roots import utc_now
from registry.accounts.people import add_account, set_password
from registry.accounts.roles import Role
from registry.artifacts.store import ArtifactStore
from registry.audit import verify_chain
from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.database import read, write
from registry.settings import RegistrySettings

NAME, PASSWORD = "bench", "long enough to be taken"
VALUES = {"task": "task-007", "number": "24", "run": "4000", "check": "150", "text": "2800", "name": "none"}
LEFT_OUT = re.compile(r"^/(api|static|livez|welcome|sign-in)|/events$|\.csv$|\.jsonl$")
SEARCHES = ("/?q=task 1", "/?sort=accuracy&page=8", "/?sort=novelty", "/tasks/task-007/versions/25",
            "/tasks/task-007/versions/25?flips=all", "/tasks/task-007/labels?q=card",
            "/tasks/task-007/labels?q=nothing like it&part=gate", "/runs?page=160",
            "/runs?task=task-199&state=succeeded", "/runs?task=none&state=failed", "/audit?before=20",
            "/audit?action=model:evaluated", "/audit?actor=seed-3", "/audit?subject=task-007", "/audit?subject=task",
            "/audit?subject=nobody&action=model:evaluated", "/audit?actor=nobody&subject=task-007",
            "/audit?actor=seed-3&action=model:evaluated&subject=task-1")


def fill(engine: Engine, n_tasks: int, n_versions: int, n_entries: int, now: datetime) -> float:
    """Seed an empty registry and add who signs in; return the seconds it took."""
    began = time.monotonic()
    seed(engine, deal(seed=1), n_tasks, n_versions, n_entries, now)
    seconds = time.monotonic() - began
    with write(engine) as session:
        add_account(session, NAME, Role.ADMIN, actor=NAME, now=now)
        set_password(session, NAME, PASSWORD, actor=NAME, now=now)
    return seconds


def measure(engine: Engine, folder: Path, rounds: int) -> dict[str, Any]:
    """Ask for every page `rounds` times, all pages once per round; the first round finds nothing cached."""
    app = create_app(engine, ArtifactStore(str(folder / "artifacts")), ConsoleSettings(), RegistrySettings(), utc_now)
    with served(app) as address, httpx2.Client(base_url=address, follow_redirects=True, timeout=120) as client:
        _sign_in(client, address)
        pages = [page for page in (*_addresses(app), *SEARCHES) if client.get(page).status_code == 200]
        times: dict[str, list[float]] = {page: [] for page in pages}
        for _, page in tqdm(list(itertools.product(range(rounds), pages)), desc="pages", disable=None):
            times[page].append(_timed(client, page))
    return {"database": engine.dialect.name, "rounds": rounds, "pages": [
        {"page": page, "median_ms": statistics.median(each), "worst_ms": max(each)} for page, each in times.items()]}


def seconds_to_verify(engine: Engine) -> float:
    """Return how long it takes to verify the whole audit chain, which reads every entry."""
    began = time.monotonic()
    with read(engine) as session:
        verify_chain(session)
    return time.monotonic() - began


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve the console on loopback from a thread of its own."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error",
                                           timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _addresses(app: Any) -> list[str]:
    """Return the address of every page that is read, made from the routes themselves, so that none is forgotten."""
    found = [route.path for route in app.routes if "GET" in (getattr(route, "methods", None) or ())
             and not LEFT_OUT.search(route.path)]
    return [re.sub(r"\{(\w+)(:\w+)?\}", lambda part: VALUES[part[1]], path) for path in found]


def _sign_in(client: httpx2.Client, address: str) -> None:
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get("/sign-in").text)
    assert token is not None
    client.post("/sign-in", data={"form_token": token[1], "name": NAME, "password": PASSWORD},
                headers={"Origin": address}).raise_for_status()


def _timed(client: httpx2.Client, page: str) -> float:
    """Return the milliseconds from asking for a page until the last byte of it is there."""
    began = time.perf_counter()
    client.get(page).raise_for_status()
    return 1_000 * (time.perf_counter() - began)
