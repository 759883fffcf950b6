"""The floors and homes of the house: imports only point down, heavy packages have one home."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("registry", "ingest", "serving", "trainer", "infra")
MAY_IMPORT = {
    "registry": (),
    "ingest": ("registry",),
    "serving": ("registry",),
    "trainer": ("registry", "ingest.bank", "serving.predictor"),
    "infra": ("registry", "ingest", "serving", "trainer"),
}
HOMES = {
    **dict.fromkeys(("torch", "transformers", "sentence_transformers", "sklearn", "evidently", "apscheduler",
                     "nltk"),
                    ("trainer/",)),
    "bentoml": ("serving/", "infra/bench/peers/"),
    "opentelemetry": ("registry/telemetry/",),
    "cyclonedx": ("infra/sbom.py",),
    "ray": ("trainer/whole_bank/on_ray.py",),
    "kafka": ("ingest/", "serving/publisher.py", "infra/bench/", "infra/demo/", "infra/broker.py"),
    "confluent_kafka": ("infra/broker.py", "infra/torture/load.py"),
    **dict.fromkeys(("deltalake", "duckdb"), ("ingest/bank",)),
    **dict.fromkeys(("starlette", "jinja2"), ("registry/console/", "serving/")),
}
FORBIDDEN_NAMES = re.compile(r"(Manager|Handler|Helper|Util|Utils|Processor|Impl)$|^(Base|Abstract)[A-Z]")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))


def imports(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def is_below(name: str, door: str) -> bool:
    return name == door or name.startswith(door + ".")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down_and_heavy_packages_stay_at_home(file):
    here = file.relative_to(ROOT)
    own = here.parts[0]
    for name in imports(file):
        top = name.split(".")[0]
        if top in FOLDERS and top != own:
            assert any(is_below(name, door) for door in MAY_IMPORT[own]), f"{here} may not import {name}"
        if top in HOMES:
            assert str(here).startswith(HOMES[top]), f"{here}: {top} lives in {HOMES[top]}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_has_a_caption_and_no_forbidden_name(file):
    tree = ast.parse(file.read_text())
    if file.read_text().strip() and "versions" not in file.parts:
        assert ast.get_docstring(tree), f"{file} has no caption"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            assert not FORBIDDEN_NAMES.search(node.name), f"{file}: class {node.name}"


def test_nothing_in_the_product_reads_or_writes_pickles():
    for file in FILES:
        found = {name.split(".")[0] for name in imports(file)} & {"pickle", "cloudpickle", "joblib", "dill", "shelve"}
        assert not found, f"{file} imports {found}"
