"""The Dockerfiles build what is here, install what each role imports and no more, and run it as an ordinary user."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import dockerfile
import pytest
from packaging.requirements import Requirement

from infra.parts import COMMANDS
from tests.infra.settings_given import read_as

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra/docker"
ROLES = sorted(COMMANDS)
ROOTS = {"ingest": "ingest.running, infra.commands.ingest, infra.commands.bank",
         "serving": "serving.service, serving.publisher",
         "console": "registry.console.app, registry.console.oidc.settings, infra.commands.console, uvicorn, authlib"}
USUAL = ["s3fs", "psycopg", "registry.telemetry.opening", "registry.telemetry.tracing", "infra.commands.migrate"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = re.compile(r"EXTRAS=([a-z0-9,]+)")


def commands(role: str) -> list[tuple[str, list[str]]]:
    return [(each.cmd.upper(), list(each.value)) for each in dockerfile.parse_file(str(FOLDER / f"{role}.Dockerfile"))]


def last(role: str, command: str) -> list[str]:
    return [value for name, value in commands(role) if name == command][-1]


def environment(role: str) -> dict[str, str]:
    values = [part for name, value in commands(role) if name == "ENV" for part in value if part != "="]
    return dict(zip(values[::2], values[1::2], strict=True))


def extras(role: str) -> list[str]:
    found = next(EXTRAS.search(value[0]) for name, value in commands(role) if name == "ARG" and "EXTRAS" in value[0])
    return found[1].split(",")


def test_there_is_one_for_each_role_and_none_besides():
    assert sorted(file.name.removesuffix(".Dockerfile") for file in FOLDER.iterdir()) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_an_image_runs_its_role_as_an_ordinary_user(role):
    assert last(role, "ENTRYPOINT") == ["hypermatch"] and tuple(last(role, "CMD")) == COMMANDS[role]
    assert last(role, "USER") == ["10001:10001"]
    names = [name for name, _ in commands(role)]
    assert names.index("USER") > max(at for at, name in enumerate(names) if name == "RUN")
    assert names.count("FROM") == 2 and ["--from=build"] in [list(each.flags) for each in
                                                            dockerfile.parse_file(str(FOLDER / f"{role}.Dockerfile"))]


@pytest.mark.parametrize("role", ROLES)
def test_what_an_image_is_built_of_is_here_and_reaches_the_builder(role):
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [source for name, value in commands(role) if name == "COPY" for source in value[:-1]]
    from_here = {source for source in copied if not source.startswith("/")}
    assert from_here == let_through and all((ROOT / source).exists() for source in from_here)
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {line.removesuffix("*") for line in setuptools["packages"]["find"]["include"]}
    assert packages <= from_here and "constraints.txt" in from_here
    assert any("--constraint constraints.txt" in value[0] for name, value in commands(role) if name == "RUN")


def test_every_file_that_is_no_code_is_installed_with_it():
    """All but what a person reads or hands to Docker and Kubernetes."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    taken = {file for package, patterns in told.items() for pattern in patterns
             for file in (ROOT / package).glob(pattern)}
    left = [file.relative_to(ROOT) for package in ("registry", "ingest", "serving", "trainer", "infra")
            for file in (ROOT / package).rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")
            and file not in taken]
    assert [file for file in left if file.parts[1] not in ("docker", "k8s", "compose.yaml", "asyncapi.yaml")] == []


@pytest.mark.parametrize("role", ROLES)
def test_an_image_listens_where_it_says(role, monkeypatch):
    own = read_as(role, environment(role), monkeypatch)[role.capitalize()]
    host, port = ((own.host, own.port) if role in ("serving", "console") else (own.metrics_host, own.metrics_port))
    assert host == "0.0.0.0" and last(role, "EXPOSE") == [str(port)]


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_every_extra_that_is_named_exists(file):
    named = EXTRAS.findall(file.read_text())
    assert named and {extra for each in named for extra in each.split(",")} <= set(PROJECT["optional-dependencies"])


def test_the_image_for_gpus_adds_the_packages_that_bring_cuda():
    variant = EXTRAS.findall((FOLDER / "serving.Dockerfile").read_text())[0].split(",")
    assert set(variant) == {*extras("serving"), "gpu"}
    brought = installed(variant) - installed(extras("serving"))
    assert {"nvidia-cudnn-cu13", "nvidia-cuda-runtime", "nvidia-cufft", "nvidia-cublas"} <= brought


@pytest.mark.parametrize("role", sorted(ROOTS))
def test_an_image_installs_what_its_role_imports_and_no_torch(role):
    """Import the role's roots where only the packages of its extras can be found."""
    there = installed(extras(role))
    assert not there & {"torch", "transformers", "evidently"}
    hidden = sorted(module for module, owners in packages_distributions().items()
                    if not {normalized(owner) for owner in owners} & there and module not in ("_distutils_hack",))
    told = subprocess.run([sys.executable, "-c", IMPORTING, json.dumps(hidden), f"{ROOTS[role]}, {', '.join(USUAL)}"],
                          cwd=ROOT, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr[-2_000:]


IMPORTING = """
import importlib, json, sys
hidden = set(json.loads(sys.argv[1])) - {"ingest", "trainer", "serving", "registry", "infra"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in sys.argv[2].split(", "):
    importlib.import_module(name)
"""


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(wanted: list[str]) -> set[str]:
    """Return what `pip install hypermatch[wanted]` brings, by what the packages here say that they need."""
    lines = [*PROJECT["dependencies"], *(line for extra in wanted for line in PROJECT["optional-dependencies"][extra])]
    found: dict[str, set[str]] = {}
    waiting = [Requirement(line) for line in lines]
    while waiting:
        need = waiting.pop()
        name = normalized(need.name)
        if name == "hypermatch":
            waiting += [Requirement(line) for extra in need.extras for line in PROJECT["optional-dependencies"][extra]]
        elif name not in found or need.extras - found[name]:
            found[name] = found.get(name, set()) | need.extras
            waiting += _needed(name, found[name])
    return set(found)


def _needed(name: str, chosen: set[str]) -> list[Requirement]:
    try:
        stated = [Requirement(line) for line in distribution(name).requires or ()]
    except ModuleNotFoundError:                       # of another platform, or of a machine with a GPU
        return []
    return [need for need in stated if need.marker is None
            or any(need.marker.evaluate({"extra": extra}) for extra in chosen or {""})]
