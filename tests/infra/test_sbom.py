"""The bill of materials is valid CycloneDX and names every pinned package that is installed, with its license."""

import json
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.sbom import bill_of_materials, normalized

ROOT = Path(__file__).parents[2]
UNPINNED = {"setuptools"}                             # comes with the Python that runs us
UNSTATED = {"cuda-toolkit", "axe-playwright-python", "atheris"}          # NVIDIA's, MIT, Apache: not in their metadata


@pytest.fixture(scope="module")
def document() -> str:
    return bill_of_materials()


def test_it_is_valid(document):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


def test_its_versions_are_the_pinned_ones(document):
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    pinned = {normalized(name): version for name, version in pinned.items()}
    found = {each["name"]: each["version"] for each in json.loads(document)["components"]
             if each["name"] not in UNPINNED}
    assert found == {name: pinned.get(name) for name in found}
    assert set(found) > {"cryptography", "onnxruntime-gpu", "torch", "kafka-python"}


def test_every_package_states_a_license_and_what_needs_it(document):
    told = json.loads(document)
    without = [each["name"] for each in told["components"] if not each.get("licenses")]
    assert set(without) <= UNSTATED
    needed = {ref for each in told["dependencies"] for ref in each.get("dependsOn", [])}
    assert {each["bom-ref"] for each in told["components"]} <= needed
    assert told["metadata"]["component"]["version"] == distribution("hypermatch").version
