"""A backup taken while everything runs restores, elsewhere, an installation that gives the same answers."""

import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest
from sqlalchemy import create_engine, inspect
from starlette.testclient import TestClient

from infra.cli import main
from ingest.bank import DataBank
from registry import audit
from registry.accounts.people import add_account, list_accounts, set_password
from registry.accounts.roles import Role
from registry.artifacts.store import ArtifactStore
from registry.backup.place import BackupPlace
from registry.backup.rows import BLANKED, kept_tables
from registry.database import migrate, open_database, read, write
from serving.routes import create_app
from serving.settings import ServingSettings
from serving.worker import opened
from tests.ingest.conftest import make_rows
from tests.servers.postgres import fresh_database
from tests.servers.s3 import running
from tests.serving.bundles import TEXTS, flip_a_byte
from tests.serving.conftest import Installation

PASSWORD = "correct horse battery"
SECRET = re.compile("password|secret|token|hash|private|credential|cookie")
HASHES_OF_TEXT = {"text_hash", "hash", "previous_hash"}


class Place:
    """A registry, its artifacts and its bank, all below one folder unless the registry is elsewhere."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.bank, self.artifacts = DataBank(str(folder / "bank")), str(folder / "artifacts")
        self.url = url or f"sqlite:///{folder}/registry.db"

    @property
    def environment(self) -> dict[str, str]:
        return {"HYPERMATCH_REGISTRY_URL": self.url, "HYPERMATCH_REGISTRY_ARTIFACTS": self.artifacts,
                "HYPERMATCH_INGEST_BANK": self.bank.url}

    def answers(self) -> dict:
        engine, store = open_database(self.url), ArtifactStore(self.artifacts)
        chosen = ServingSettings(threads=1, providers="cpu", poll_seconds=0.05)
        with TestClient(create_app(lambda: opened(chosen, engine, store))) as client:
            until = time.monotonic() + 60
            while (told := client.post("/v1/tasks/intents/predict", json={"texts": TEXTS})).status_code != 200:
                assert time.monotonic() < until, told.text
        engine.dispose()
        return told.json()

    def entries(self) -> list[str]:
        with read(open_database(self.url)) as session:
            audit.verify_chain(session)
            return [entry.hash for entry in audit.entries(session)]


@pytest.fixture
def here(tmp_path, installation):
    """An installation with two versions, of which the first was rolled back to, a person, and a bank."""
    place, now = Place(tmp_path), datetime.now(UTC)
    place.bank.append(make_rows(["one", "two"], subject="ada"), {("t", 0): 2})
    for _ in range(2):
        installation.promote()
    installation.return_to(1)
    with write(installation.engine) as session:
        add_account(session, "ada", Role.APPROVER, actor="ada", now=now)
        set_password(session, "ada", PASSWORD, actor="ada", now=now)
    return place


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command as its user does; return its exit code and all that it said."""
    def ran(place: Place, *arguments: str) -> tuple[int, str]:
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["hypermatch", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    return ran


def test_what_is_restored_elsewhere_answers_alike_and_tells_the_same_past(here, run, tmp_path):
    expected, past = here.answers(), here.entries()
    code, told = run(here, "backup", str(tmp_path / "saved"), "--with-bank")
    assert code == 0 and "2 artifacts" in told and "(copied)" in told, told
    there = Place(tmp_path / "new machine")
    code, told = run(there, "restore", str(tmp_path / "saved"), "--with-bank", "--actor", "grace")
    assert code == 0 and "hypermatch users password" in told, told

    assert there.answers() == expected
    assert there.entries()[:-1] == past and len(there.entries()) == len(past) + 1      # it tells of the restoring
    assert there.bank.offsets() == here.bank.offsets() and there.bank.rows().equals(here.bank.rows())
    with read(open_database(there.url)) as session:
        assert [(account.name, account.password_hash) for account in list_accounts(session)] == [("ada", None)]


def test_a_backup_moves_a_registry_between_sqlite_and_postgresql(here, run, tmp_path, postgres_url):
    expected, past = here.answers(), here.entries()
    assert run(here, "backup", str(tmp_path / "saved"))[0] == 0
    there = Place(tmp_path / "there", fresh_database(postgres_url))
    assert run(there, "restore", str(tmp_path / "saved"))[0] == 0
    assert there.answers() == expected and there.entries()[:-1] == past
    moved = Installation(open_database(there.url), ArtifactStore(there.artifacts), there.url)
    assert moved.promote(next(moved.store.digests())) == 3       # numbering goes on

    assert run(there, "backup", str(tmp_path / "saved"))[0] == 0
    back = Place(tmp_path / "back")
    assert run(back, "restore", str(tmp_path / "saved"))[0] == 0
    assert back.answers()["model_version"] == 3 and back.entries()[:len(past)] == past


def test_a_second_backup_copies_only_what_is_missing_and_lets_go_of_what_was_forgotten(here, run, tmp_path):
    saved = tmp_path / "saved"
    run(here, "backup", str(saved), "--with-bank")
    copied = {file: file.stat().st_mtime_ns for file in saved.rglob("*")
              if file.is_file() and "snapshots" not in file.parts and file != saved / "bank/manifest.json"}
    here.bank.append(make_rows(["three"], begin=2, subject="grace"), {("t", 0): 3})
    here.bank.forget("ada")
    assert run(here, "backup", str(saved), "--with-bank")[0] == 0

    kept = {file: file.stat().st_mtime_ns for file in copied if file.exists()}
    assert kept.items() <= copied.items() and len(kept) > 10
    assert all(b"one" not in file.read_bytes() for file in (saved / "bank").rglob("*.parquet"))
    there = Place(tmp_path / "there")
    assert run(there, "restore", str(saved), "--with-bank")[0] == 0
    assert there.bank.rows()["text"].to_pylist() == ["three"]


def test_a_backup_is_of_one_moment_though_others_write(here, installation, run, tmp_path):
    stop = threading.Event()

    def keep_promoting():
        while not stop.is_set():
            installation.promote(installation.digests[0])

    writer = threading.Thread(target=keep_promoting)
    writer.start()
    told = [run(here, "backup", str(tmp_path / "saved")) for _ in range(3)]
    stop.set()
    writer.join()
    place = BackupPlace(str(tmp_path / "saved"))
    assert [code for code, _ in told] == [0, 0, 0] and len(place.snapshots()) == 3
    for number, name in enumerate(place.snapshots()):
        there = Place(tmp_path / f"there {number}")
        assert run(there, "restore", str(tmp_path / "saved"), "--snapshot", name)[0] == 0
        assert there.answers()["model_version"] >= 1


def test_a_killed_backup_is_no_snapshot_and_the_next_goes_on(here, tmp_path, run):
    saved = tmp_path / "saved"
    killed = subprocess.Popen([sys.executable, "-m", "infra", "backup", str(saved)], stderr=subprocess.DEVNULL,
                              env={**os.environ, **here.environment})
    while killed.poll() is None and not list(saved.rglob("*.jsonl.gz*")):
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    there = Place(tmp_path / "there")
    if not BackupPlace(str(saved)).snapshots():
        code, told = run(there, "restore", str(saved))
        assert code == 2 and "there is no backup at" in told
    assert run(here, "backup", str(saved))[0] == 0
    assert run(there, "restore", str(saved))[0] == 0 and there.answers() == here.answers()


def test_nothing_secret_is_in_a_backup(here, run, tmp_path):
    run(here, "backup", str(tmp_path / "saved"))
    rows = b"".join(gzip.decompress(file.read_bytes()) for file in (tmp_path / "saved").rglob("*.jsonl.gz"))
    assert b'"name": "ada"' in rows and b"argon2" not in rows
    for table in kept_tables():
        suspects = {column.name for column in table.columns if SECRET.search(column.name)} - HASHES_OF_TEXT
        assert suspects == {column for name, column in BLANKED if name == table.name}, f"is this secret? {table.name}"


def as_of(saved: Path, revision: str, scratch: Path) -> None:
    """Rewrite the newest snapshot as a release at that revision would have written it."""
    url, folder = f"sqlite:///{scratch}", max((saved / "snapshots").iterdir())
    migrate(url, revision)
    then, told = inspect(create_engine(url)), json.loads((folder / "snapshot.json").read_text())
    for name in list(told["tables"]):
        if not then.has_table(name):
            del told["tables"][name]
            continue
        columns, file = {column["name"] for column in then.get_columns(name)}, folder / f"{name}.jsonl.gz"
        rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        kept = [{key: value for key, value in row.items() if key in columns} for row in rows]
        file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in kept).encode()))
        told["tables"][name]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "snapshot.json").write_text(json.dumps(told | {"revision": revision}))


@pytest.mark.parametrize("released", ["0001", "0006"])
def test_a_snapshot_of_an_earlier_release_is_restored_and_brought_to_this_one(here, run, tmp_path, released):
    run(here, "backup", str(tmp_path / "saved"))
    as_of(tmp_path / "saved", released, tmp_path / "then.db")
    there = Place(tmp_path / "there")
    assert run(there, "restore", str(tmp_path / "saved"))[0] == 0
    assert there.answers() == here.answers() and there.entries()[:-1] == here.entries()


def test_a_snapshot_of_a_later_release_is_refused(here, run, tmp_path):
    run(here, "backup", str(tmp_path / "saved"))
    file = next((tmp_path / "saved").rglob("snapshot.json"))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"revision": "9999"}))
    code, told = run(Place(tmp_path / "there"), "restore", str(tmp_path / "saved"))
    assert code == 2 and "revision 9999, this release knows" in told and not (tmp_path / "there").exists()


def test_a_backup_may_lie_in_an_object_store(here, run, tmp_path, monkeypatch):
    with running() as address:
        for name, value in {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s",
                            "DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        fsspec.filesystem("s3").mkdir("backups")
        assert run(here, "backup", "s3://backups/hypermatch", "--with-bank")[0] == 0
        there = Place(tmp_path / "there")
        assert run(there, "restore", "s3://backups/hypermatch", "--with-bank")[0] == 0
    assert there.answers() == here.answers() and there.bank.rows().equals(here.bank.rows())


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda saved: (saved / "artifacts").rename(saved / "gone"), "no artifact"),
    (lambda saved: next(saved.rglob("task.jsonl.gz")).write_bytes(b"x"), "does not match its sha256"),
    (lambda saved: next(saved.rglob("auditentry.jsonl.gz")).unlink(), "lacks"),
    (lambda saved: next(saved.rglob("snapshot.json")).write_text("{}"), "cannot be read"),
    (lambda saved: shutil.rmtree(saved / "snapshots"), "there is no backup at"),
], ids=["no artifacts", "changed rows", "missing rows", "no snapshot", "nothing"])
def test_a_spoiled_backup_is_one_line_and_leaves_the_registry_empty(here, run, tmp_path, spoil, says):
    saved, there = tmp_path / "saved", Place(tmp_path / "there")
    run(here, "backup", str(saved))
    good = shutil.copytree(saved, tmp_path / "good")
    spoil(saved)
    code, told = run(there, "restore", str(saved))
    assert code == 2 and says in told and len(told.strip().splitlines()) == 1, told
    assert run(there, "restore", str(good))[0] == 0 and there.answers() == here.answers()


def test_a_registry_or_a_bank_that_holds_something_is_never_restored_over(here, run, tmp_path):
    saved = str(tmp_path / "saved")
    run(here, "backup", saved, "--with-bank")
    code, told = run(here, "restore", saved)
    assert code == 2 and "is not empty" in told and len(told.strip().splitlines()) == 1
    there = Place(tmp_path / "there")
    there.bank.append(make_rows(["other"]), {("t", 0): 1})
    code, told = run(there, "restore", saved, "--with-bank")
    assert code == 2 and "there is a bank at" in told and not Path(there.artifacts).exists()
    code, told = run(there, "restore", saved, "--snapshot", "2001")
    assert code == 2 and "has no snapshot '2001'" in told


def test_an_artifact_that_is_corrupt_stops_the_backup_by_name(here, installation, run, tmp_path):
    flip_a_byte(installation.store, installation.digests[1])
    code, told = run(here, "backup", str(tmp_path / "saved"))
    assert code == 2 and "intents v2 cannot be copied" in told and "model.onnx does not match" in told
    assert BackupPlace(str(tmp_path / "saved")).snapshots() == []
