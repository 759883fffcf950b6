"""Fixtures that more than one folder needs: registries on real databases, and Apache Kafka."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def registry_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/registry.db"
    migrate(url)
    return url


@pytest.fixture
def engine(registry_url: str) -> Iterator[Engine]:
    engine = open_database(registry_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "artifacts"))


def require(is_there: bool, what_to_install: str) -> None:
    """Skip the test with one line, or fail it where every server is required."""
    if is_there:
        return
    if os.environ.get("HYPERMATCH_REQUIRE_SERVERS") == "1":
        pytest.fail(f"required here but missing: {what_to_install}")
    pytest.skip(f"install {what_to_install} to run this test")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of our own on loopback, gone after the tests."""
    from tests.servers.postgres import running, servers_folder

    require(servers_folder() is not None, "PostgreSQL 15+ with its server programs (initdb, pg_ctl)")
    with running(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty registry, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        url = request.getfixturevalue("registry_url")
    else:
        from tests.servers.postgres import fresh_database

        url = fresh_database(request.getfixturevalue("postgres_url"))
        migrate(url)
    engine = open_database(url)
    yield engine
    engine.dispose()
