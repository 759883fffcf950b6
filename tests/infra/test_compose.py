"""The compose file is valid, gives every role settings that it takes, and keeps secrets out of itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.parts import COMMANDS
from infra.supervisor import GRACE_SECONDS
from registry.artifacts.store import ArtifactStore
from registry.events import DEAD_LETTERS_TOPIC, LABEL_SPACES_TOPIC, PREDICTIONS_TOPIC, TEXTS_TOPIC
from registry.settings import RegistrySettings
from tests.infra.settings_given import read_as
from tests.servers.s3 import running

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra/compose.yaml"
SECRETS = {"POSTGRES_PASSWORD": "p", "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret"}
ROLES = sorted(COMMANDS)
HANDED_IN = re.compile(r"\$\{([A-Z0-9_]+):\?[^}]+\}")


@pytest.fixture(scope="module")
def services() -> dict:
    """The services as compose sees them: anchors resolved, secrets handed in."""
    told = HANDED_IN.sub(lambda match: SECRETS[match[1]], FILE.read_text())
    return yaml.safe_load(told)["services"]


def test_it_is_valid_by_the_schema_of_compose():
    subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
                   check=True, capture_output=True)


def test_compose_itself_reads_it():
    command = ["docker", "compose"] if _has_compose() else ["docker-compose"]
    if shutil.which(command[0]) is None:
        pytest.skip("install docker compose to run this test")
    subprocess.run([*command, "-f", str(FILE), "config", "--quiet"], check=True, env={**os.environ, **SECRETS})


def _has_compose() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "compose", "version"], check=False,
                                                 capture_output=True).returncode == 0


def test_every_secret_is_handed_in_and_nothing_starts_without_it():
    text = FILE.read_text()
    assert set(HANDED_IN.findall(text)) == set(SECRETS)
    assert "$" not in HANDED_IN.sub("", text).replace("$$topic", "")
    named = re.findall(r"(?:PASSWORD|SECRET|ACCESS_KEY[A-Z_]*): (\S+)", text)
    assert named and all(value.startswith("${") for value in named)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_takes_what_it_is_given_and_is_held_as_on_a_cluster(role, services, monkeypatch):
    one = services[role]
    read_as(role, {name: str(value) for name, value in one["environment"].items()}, monkeypatch)
    assert one["read_only"] and one["cap_drop"] == ["ALL"] and one["tmpfs"] == ["/tmp"]
    assert one["healthcheck"]["test"] and int(one["stop_grace_period"].removesuffix("s")) > _drain_seconds(role)
    built = [each["build"]["dockerfile"] for each in services.values()
             if each["image"] == one["image"] and "build" in each]
    assert built == [f"infra/docker/{role}.Dockerfile"]
    assert {"migrate", "topics", "bucket"} <= set(one["depends_on"])


def _drain_seconds(role: str) -> float:
    return 10 if role == "console" else GRACE_SECONDS             # the console answers what it has begun, for 3 s


def test_every_port_is_bound_to_loopback(services):
    ports = [port for one in services.values() for port in one.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_whatever_a_service_waits_for_says_when_it_is_ready(services):
    for one in services.values():
        for name, how in one.get("depends_on", {}).items():
            expected = "service_healthy" if "healthcheck" in services[name] else "service_completed_successfully"
            assert how["condition"] == expected, name
    volumes = {volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])}
    assert volumes == set(yaml.safe_load(FILE.read_text())["volumes"])


def test_every_topic_is_made_before_anyone_reads_it(services):
    made = re.search(r"for topic in (.+); do", services["topics"]["command"][0])[1].split()
    assert {f"hypermatch.{name}" for name in made} == {TEXTS_TOPIC, PREDICTIONS_TOPIC, DEAD_LETTERS_TOPIC,
                                                       LABEL_SPACES_TOPIC}


def test_with_these_settings_artifacts_and_bank_find_an_s3_server(services, monkeypatch, tmp_path):
    """The bucket is made as the file makes it; the server is another one, on loopback."""
    texts = tmp_path / "texts.csv"
    texts.write_text("text\nwhere is my card\nmy money is gone\n")
    with running() as address:
        for name, value in services["ingest"]["environment"].items():
            monkeypatch.setenv(name, str(value).replace("http://s3:8333", address))
        for _ in range(2):                            # whoever starts everything again makes it again
            subprocess.run([sys.executable, "-c", *services["bucket"]["command"]], check=True)
        banked = subprocess.run([sys.executable, "-m", "infra", "ingest", "file", str(texts)], cwd=ROOT, check=True,
                                capture_output=True, text=True)
        store = ArtifactStore(RegistrySettings().artifacts)
        assert store.holds(store.store({"a.txt": b"a"}, {})) and banked.stdout.startswith("2 banked")
