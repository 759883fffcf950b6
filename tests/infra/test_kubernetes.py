"""Every manifest is valid, every pod is held to the same rules, and what they ask of the code is in the code."""

import re
from pathlib import Path

import click
import kubernetes_validate
import pytest
import yaml

import serving.metrics  # noqa: F401  its metrics are in the global registry
from infra.cli import cli
from infra.parts import COMMANDS
from infra.supervisor import GRACE_SECONDS
from registry.events import PREDICTIONS_TOPIC
from tests.infra.manifests import (
    FOLDER,
    JOBS,
    OVERLAYS,
    ROLES,
    ROOT,
    SECRETS,
    WORKLOADS,
    built,
    container,
    environment,
    only,
    pod,
)
from tests.infra.settings_given import read_as
from tests.infra.test_prometheus import REGISTRY, series

OLDEST = "1.32"                                       # whose API server knows the sleep before a pod's end


def files() -> list[Path]:
    return [file for file in sorted(FOLDER.rglob("*.yaml")) if file.parent.name == "base" and "kustom" not in file.name]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_what_the_base_is_made_of_is_valid(file):
    for each in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(each, OLDEST, strict=True)
    assert file.name in yaml.safe_load((FOLDER / "base/kustomization.yaml").read_text())["resources"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_an_overlay_makes_of_it_is_valid(overlay):
    for each in built(overlay):
        kubernetes_validate.validate(each, OLDEST, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in built(overlay)]
    assert len(set(names)) == len(names)
    assert {name for kind, name in names if kind == "Deployment"} == set(ROLES)
    assert not [name for kind, name in names if kind == "Secret"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_may_do_nothing_that_it_need_not(name, overlay):
    spec, one = pod(overlay, name)["spec"], container(overlay, name)
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
    assert one["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                      "capabilities": {"drop": ["ALL"]}}
    assert {"cpu", "memory"} <= set(one["resources"]["requests"]) & set(one["resources"]["limits"])
    mounted = {each["name"]: each["mountPath"] for each in one["volumeMounts"]}
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert set(mounted) == set(volumes) and mounted["tmp"] == "/tmp"
    assert all(each["emptyDir"]["sizeLimit"] for each in volumes.values() if "emptyDir" in each)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_an_image_is_one_that_is_built_here_and_runs_what_it_is_for(name, overlay):
    image, _, tag = container(overlay, name)["image"].rpartition(":")
    role = image.rsplit("/hypermatch-", 1)[1]
    assert role == {"migrate": "console", "compact": "ingest", "vacuum": "ingest"}.get(name, name)
    assert (ROOT / f"infra/docker/{role}.Dockerfile").exists()
    assert tag.endswith("-gpu") == (overlay == "gpu" and name == "serving")
    assert tuple(container(overlay, name)["args"]) == {**COMMANDS, **JOBS}[name]


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_a_pod_runs_is_a_command(name):
    command: click.Command = cli
    for word in container("cpu", name)["args"]:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None and not isinstance(command, click.Group)


@pytest.mark.parametrize("role", ROLES)
def test_a_pod_is_started_again_when_it_hangs_and_has_time_to_end(role):
    one = container("cpu", role)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert one[probe]["httpGet"]["port"] in {port["name"] for port in one["ports"]}
    paths = {probe: one[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths.pop("startupProbe") == ("/readyz" if role == "serving" else "/livez")
    assert set(paths.values()) == {"/livez"}
    waits = one.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert waits >= 10 if role in ("serving", "console") else waits == 0
    drains = 3 if role == "console" else GRACE_SECONDS            # the console answers what it has begun, for 3 s
    assert pod("cpu", role)["spec"]["terminationGracePeriodSeconds"] > waits + drains


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_role_takes_what_its_pod_is_given(name, overlay, monkeypatch):
    given = environment(overlay, name)
    settings = read_as(name, given, monkeypatch)
    assert name in ("compact", "vacuum") or settings["Registry"].url.startswith("postgresql+psycopg://")
    if name == "serving":
        assert settings["Serving"].runs_at_once == (2 if overlay == "cpu" else 1)   # not one per core of the node
        assert settings["Serving"].predictions_topic == PREDICTIONS_TOPIC
    if name == "trainer":
        assert settings["Trainer"].threads == int(container(overlay, name)["resources"]["limits"]["cpu"])
        assert not settings["Trainer"].compact_hours and not settings["Trainer"].vacuum_hours      # jobs do both


def test_the_page_says_how_each_secret_is_made():
    told = (ROOT / "docs/kubernetes.md").read_text()
    for name, keys in SECRETS.items():
        assert f"create secret generic {name}" in told and all(key in told for key in keys)


@pytest.mark.parametrize("role", ROLES)
def test_settings_name_files_that_are_mounted_there(role):
    one, spec = container("cpu", role), pod("cpu", role)["spec"]
    mounts = [each["mountPath"] for each in one["volumeMounts"]]
    for name, value in environment("cpu", role).items():
        if value.startswith("/") and role.upper() in name:
            assert any(value.startswith(mount) for mount in mounts), f"{name}={value} is not mounted"
    assert all(each.get("readOnly") for each in one["volumeMounts"] if each["mountPath"].startswith("/etc"))
    assert {each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each} <= set(SECRETS)


def test_the_autoscaler_asks_for_what_serving_tells():
    scaler = only("cpu", "HorizontalPodAutoscaler", "serving")["spec"]
    asked = {each["pods"]["metric"]["name"] for each in scaler["metrics"]}
    rules = yaml.safe_load((FOLDER / "prometheus-adapter/rules.yaml").read_text())["rules"]
    assert asked == {rule["name"]["as"] for rule in rules}
    assert scaler["scaleTargetRef"]["name"] == "serving"
    assert "replicas" not in only("cpu", "Deployment", "serving")["spec"]
    known = dict(series(REGISTRY))
    for rule in rules:
        names = set(re.findall(r"hypermatch_[a-z_]+", rule["metricsQuery"])) | {rule["seriesQuery"].split("{")[0]}
        assert len(names) == 1 and names <= set(known), names
        own = set(re.findall(r"([a-z_]+)=\"", rule["metricsQuery"]))
        assert own <= known[names.pop()]
        assert rule["metricsQuery"].count("(") == rule["metricsQuery"].count(")")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_budget_and_prometheus_finds_its_metrics(role):
    budget = only("cpu", "PodDisruptionBudget", role)["spec"]
    labels, notes = pod("cpu", role)["metadata"]["labels"], pod("cpu", role)["metadata"].get("annotations", {})
    assert budget["selector"]["matchLabels"].items() <= labels.items() and "maxUnavailable" in budget
    if role != "console":
        ports = {str(port["containerPort"]) for port in container("cpu", role)["ports"]}
        assert notes["prometheus.io/port"] in ports and notes["prometheus.io/path"] == "/metrics"
