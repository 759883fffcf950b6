"""The manifests as kustomize puts them together, and what is in their pods."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from infra.parts import COMMANDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra/k8s"
ROLES = sorted(COMMANDS)
JOBS = {"migrate": ("migrate",), "compact": ("bank", "compact"), "vacuum": ("bank", "vacuum")}
WORKLOADS = sorted([*ROLES, *JOBS])
OVERLAYS = ("cpu", "gpu")


def kustomize() -> list[str] | None:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


@cache
def built(overlay: str) -> list[dict]:
    command = kustomize()
    if command is None:
        pytest.skip("install kustomize or kubectl to run this test")
    told = subprocess.run([*command, str(FOLDER / "overlays" / overlay)], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(told.stdout))


def only(overlay: str, kind: str, name: str) -> dict:
    return next(each for each in built(overlay) if (each["kind"], each["metadata"]["name"]) == (kind, name))


def pod(overlay: str, name: str) -> dict:
    if name in ("compact", "vacuum"):
        return only(overlay, "CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]
    return only(overlay, "Job" if name == "migrate" else "Deployment", name)["spec"]["template"]


def container(overlay: str, name: str) -> dict:
    return pod(overlay, name)["spec"]["containers"][0]


def environment(overlay: str, name: str) -> dict[str, str]:
    """Return the environment of a pod; a secret is what its name promises."""
    one, found = container(overlay, name), {}
    for source in one.get("envFrom", []):
        found |= only(overlay, "ConfigMap", source["configMapRef"]["name"])["data"]
    for each in one["env"]:
        source = each.get("valueFrom", {})
        if "secretKeyRef" in source:
            found[each["name"]] = SECRETS[source["secretKeyRef"]["name"]][source["secretKeyRef"]["key"]]
        elif "resourceFieldRef" in source:
            found[each["name"]] = one["resources"]["limits"][source["resourceFieldRef"]["resource"].split(".")[1]]
        else:
            found[each["name"]] = each["value"]
    return found


SECRETS = {"hypermatch-registry": {"url": "postgresql+psycopg://u:p@host/name"},
           "hypermatch-kafka": {"username": "u", "password": "p", "ca.crt": "-"},
           "hypermatch-s3": {"access-key": "k", "secret-key": "s"}}
