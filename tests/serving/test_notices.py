"""On PostgreSQL a server hears of a promotion at once, and finds out by asking when it could not hear."""

import time
from datetime import UTC, datetime

import psycopg
import pytest

from registry import notices
from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database, write
from registry.tasks import create_task
from tests.serving.conftest import LABELS, Installation


@pytest.fixture
def installation(postgres_url, tmp_path):
    from tests.servers.postgres import fresh_database

    url = fresh_database(postgres_url)
    migrate(url)
    engine = open_database(url)
    with write(engine) as session:
        create_task(session, "intents", LABELS, actor="ada", now=datetime.now(UTC))
    yield Installation(engine, ArtifactStore(str(tmp_path / "artifacts")), url)
    engine.dispose()


def seconds_until_served(client, number):
    begun = time.monotonic()
    while (client.get("/v1/info").json()["tasks"].get("intents") or {}).get("version_number") != number:
        assert time.monotonic() - begun < 20
        time.sleep(0.02)
    return time.monotonic() - begun


def test_a_promotion_is_heard_though_the_server_asks_once_in_a_minute(installation, serve, monkeypatch):
    monkeypatch.setattr(notices, "RETRY_SECONDS", 0.1)
    installation.promote()
    client = serve(poll_seconds=60)
    seconds_until_served(client, 1)
    for number in (2, 3):
        installation.promote()
        assert seconds_until_served(client, number) < 10
        with psycopg.connect(installation.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
