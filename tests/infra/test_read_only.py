"""Roles run as on a cluster: as user 10001, with everything read-only but the folders that their pods mount."""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from infra.parts import COMMANDS, free_port
from registry.artifacts.store import ArtifactStore
from registry.database import migrate
from tests.servers import read_only

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90


@pytest.fixture(autouse=True)
def privileged():
    if not read_only.is_possible():
        pytest.skip("needs root and a mount namespace")


def mounted(role: str) -> set[str]:
    """Return where a pod of the role may write."""
    deployment = next(yaml.safe_load_all((ROOT / f"infra/k8s/base/{role}.yaml").read_text()))
    spec = deployment["spec"]["template"]["spec"]
    writable = {each["name"] for each in spec["volumes"] if "emptyDir" in each}
    return {each["mountPath"] for each in spec["containers"][0]["volumeMounts"] if each["name"] in writable}


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


@pytest.fixture
def registry(tmp_path: Path) -> dict[str, str]:
    """A registry that stands for the database of others; its folder is writable, as PostgreSQL is elsewhere."""
    folder = tmp_path / "registry"
    folder.mkdir()
    migrate(f"sqlite:///{folder}/registry.db")
    ArtifactStore(str(folder / "artifacts"))
    return {"HYPERMATCH_REGISTRY_URL": f"sqlite:///{folder}/registry.db",
            "HYPERMATCH_REGISTRY_ARTIFACTS": f"{folder}/artifacts"}


@pytest.mark.parametrize(("role", "probe"), [("serving", "/readyz"), ("console", "/sign-in")])
def test_a_role_needs_no_folder_but_those_that_its_pod_mounts(role, probe, registry, tmp_path):
    port, log = free_port(), tmp_path / "log"
    stand_ins = {"/tmp": tmp_path / "tmp", "/var/lib/hypermatch": tmp_path / "home"}
    writable = mounted(role)
    environment = {**registry, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
                   "HOME": str(stand_ins["/var/lib/hypermatch"]), "TMPDIR": str(stand_ins["/tmp"]),
                   "HYPERMATCH_CONSOLE_DRIFT_REPORTS": "", f"HYPERMATCH_{role.upper()}_PORT": str(port)}
    stand_ins["/var/lib/hypermatch"].mkdir()
    process = read_only.start([sys.executable, "-m", "infra", *COMMANDS[role]],
                              [tmp_path / "registry", *(stand_ins[place] for place in writable)], environment,
                              stand_ins["/var/lib/hypermatch"], log)
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not answers(f"http://127.0.0.1:{port}{probe}"):
            assert process.poll() is None and time.monotonic() < until, log.read_text()[-3_000:]
            time.sleep(0.1)
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert f"Uid:\t{read_only.USER}\t{read_only.USER}\t" in status
    finally:
        process.terminate()
        process.wait(30)
    told = log.read_text()
    assert "Traceback" not in told and "Read-only" not in told and "Permission" not in told, told[-3_000:]


def test_what_is_not_mounted_cannot_be_written(tmp_path):
    """Otherwise the test above would prove nothing."""
    (tmp_path / "shut").mkdir(mode=0o777)
    tried = "import pathlib; pathlib.Path('{}/x').write_text('x')"
    for folder, is_refused in (("open", False), ("shut", True)):
        process = read_only.start([sys.executable, "-c", tried.format(tmp_path / folder)], [tmp_path / "open"],
                                  {"PATH": os.environ["PATH"]}, tmp_path, tmp_path / "log")
        assert (process.wait(30) != 0) == is_refused
        assert is_refused == ("Read-only" in (tmp_path / "log").read_text())
