"""A worker that starts again while the registry is away refuses with a reason, and answers once it is back."""

import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from subprocess import CalledProcessError

import pytest

from infra.postgres import Postgres, servers_folder
from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database, write
from registry.tasks import create_task
from tests.conftest import require
from tests.serving.conftest import LABELS, Installation
from tests.serving.test_processes import Server


@pytest.fixture
def postgres(tmp_path_factory):
    require(servers_folder() is not None, "PostgreSQL 15+ with its server programs (initdb, pg_ctl)")
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    with suppress(CalledProcessError):                # the test may have failed while it was stopped
        server.stop()


@pytest.fixture
def installation(postgres, tmp_path):
    migrate(postgres.url)
    engine = open_database(postgres.url)
    with write(engine) as session:
        create_task(session, "intents", LABELS, actor="ada", now=datetime.now(UTC))
    yield Installation(engine, ArtifactStore(str(tmp_path / "artifacts")), postgres.url)
    engine.dispose()


def test_a_worker_killed_while_the_registry_is_away_refuses_until_it_is_back(installation, postgres, tmp_path):
    installation.promote()
    server = Server(installation, tmp_path, WORKERS=1)
    try:
        server.wait(lambda: server.ask() is not None)
        killed = server.workers()[0].pid
        postgres.stop()
        os.kill(killed, signal.SIGKILL)
        server.wait(lambda: [each.pid for each in server.workers()] not in ([], [killed]))
        server.failures.clear()
        server.wait(lambda: server.ask() is None and "503" in server.failures[-1])
        postgres.start()
        server.wait(lambda: server.ask() is not None)
    finally:
        server.stop()
    log = server.log.read_text()
    assert "does not answer" in log and "Traceback" not in log, log[-3_000:]
