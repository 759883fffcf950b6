"""`hypermatch console` and `hypermatch users`, as a person uses them; a seeded registry is sound and quickly shown."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest
from click.testing import CliRunner

from infra.cli import cli
from infra.demo.cast import deal
from infra.demo.scale import seed
from infra.parts import free_port
from registry.audit import verify_chain
from registry.database import migrate, open_database, read
from registry.errors import HyperMatchError
from registry.lifecycle.promotion import wanted

PATIENCE_SECONDS = 60


@pytest.fixture
def environment(tmp_path):
    url = f"sqlite:///{tmp_path}/r.db"
    migrate(url)
    return {**os.environ, "HYPERMATCH_REGISTRY_URL": url, "HYPERMATCH_REGISTRY_ARTIFACTS": str(tmp_path),
            "HYPERMATCH_CONSOLE_PORT": str(free_port())}


def start(environment):
    return subprocess.Popen([sys.executable, "-m", "infra", "console"], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_the_console_tells_where_it_is_and_a_second_one_ends_in_one_line_without_touching_the_link(environment):
    console = start(environment)
    try:
        link = re.search(r"http://\S+/welcome/\S+", "".join(console.stdout.readline() for _ in range(2)))[0]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                assert httpx.get(link).status_code == 200
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        second = start(environment)
        told, _ = second.communicate(timeout=PATIENCE_SECONDS)
        assert second.returncode == 2 and "choose another with --host and --port" in told and "Traceback" not in told
        assert httpx.get(link).status_code == 200
    finally:
        console.send_signal(signal.SIGTERM)
        told, _ = console.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in told


def test_accounts_are_added_listed_and_removed_from_the_command_line(environment, monkeypatch):
    monkeypatch.setenv("HYPERMATCH_REGISTRY_URL", environment["HYPERMATCH_REGISTRY_URL"])

    def run(*arguments, **more):
        return CliRunner().invoke(cli, ["users", *arguments], **more)

    assert "/welcome/" in run("add", "ada", "--role", "approver").output
    assert isinstance(run("add", "ada", "--role", "viewer").exception, HyperMatchError)
    words = "six plain words are here"
    assert "is set" in run("password", "ada", input=f"{words}\n{words}\n").output
    assert re.search(r"ada +approver +password", run("list").output)
    assert "is disabled" in run("disable", "ada").output and re.search(r"ada +approver +disabled", run("list").output)
    assert "is enabled" in run("enable", "ada").output
    assert "removed ada" in run("remove", "ada").output
    assert "is set" not in run("password", "ada", input=f"{words}\n{words}\n").output


def test_changes_are_requested_and_answered_from_the_command_line(environment, monkeypatch):
    monkeypatch.setenv("HYPERMATCH_REGISTRY_URL", environment["HYPERMATCH_REGISTRY_URL"])
    engine = open_database(environment["HYPERMATCH_REGISTRY_URL"])
    seed(engine, deal(seed=1), 1, 3, 1, datetime.now(UTC))
    engine.dispose()

    def run(*arguments):
        return CliRunner().invoke(cli, ["models", *arguments, "task-000", "3", "--reason", "two classes fell"])

    assert "needs changes" in run("request-changes").output
    assert isinstance(run("approve").exception, HyperMatchError)
    assert "awaits approval again" in run("ask-again").output
    assert "approved" in run("approve").output


def test_a_seeded_registry_is_sound(environment):
    engine = open_database(environment["HYPERMATCH_REGISTRY_URL"])
    seed(engine, deal(seed=1), 3, 9, 200, datetime.now(UTC))
    with read(engine) as session:
        assert verify_chain(session) == 200
        assert [each.version_number for each in wanted(session)] == [2, 2, 2]
    with pytest.raises(HyperMatchError, match="holds tasks already"):
        seed(engine, deal(seed=1), 3, 9, 200, datetime.now(UTC))
    engine.dispose()
