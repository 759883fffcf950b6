"""Writes the parts of README.md that repeat what the code says: the tree of files and the settings."""

import ast
import importlib
from pathlib import Path

from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDERS = ("registry", "ingest", "serving", "trainer", "infra", "tests")
SETTINGS = ("registry.settings.RegistrySettings", "registry.telemetry.settings.TelemetrySettings",
            "ingest.settings.IngestSettings", "registry.console.settings.ConsoleSettings",
            "registry.console.oidc.settings.OidcSettings",
            "serving.settings.ServingSettings", "trainer.settings.TrainerSettings")
CAPTIONS = {                                          # of files that have no docstring
    "Makefile": "The two commands, `make demo` and `make test`.",
    "constraints.txt": "The exact version of every package.",
    "pyproject.toml": "What is installed, and for which folder.",
    "registry/migrations/script.py.mako": "Template of a migration.",
    "trainer/language_model/prompts/english.toml": "The English prompts.",
    "trainer/language_model/prompts/korean.toml": "The Korean prompts.",
    "registry/console/catalogs/en.toml": "The console's English.",
    "registry/console/catalogs/ko.toml": "The console's Korean.",
    "registry/console/catalogs/ko-phrases.toml": "What other parts say in English, in Korean.",
    "registry/console/static/console.css": "The one style sheet.",
    "registry/console/static/console.js": "The little script that pages work without.",
    "registry/console/static/icon.svg": "The icon.",
    "infra/asyncapi.yaml": "The events on Kafka, for other teams.",
    "infra/compose.yaml": "All of it on one machine, with Apache Kafka, PostgreSQL and an S3 server.",
    "infra/docker/ingest.Dockerfile": "The image of ingest.",
    "infra/docker/trainer.Dockerfile": "The image of the trainer; its torch brings CUDA.",
    "infra/docker/serving.Dockerfile": "The image of serving, for CPUs or, by a build argument, GPUs.",
    "infra/docker/console.Dockerfile": "The image of the console, of migrations and of what people do by command.",
    "infra/k8s/base/kustomization.yaml": "What belongs together, whose images, which settings.",
    "infra/k8s/base/namespace.yaml": "The namespace, in which pods may do little.",
    "infra/k8s/base/settings.env": "Settings of all pods.",
    "infra/k8s/base/ingest.env": "How ingest reaches Kafka.",
    "infra/k8s/base/serving.env": "How serving reaches Kafka.",
    "infra/k8s/base/migrate.yaml": "The job that migrates the registry.",
    "infra/k8s/base/ingest.yaml": "Ingest: any number of pods in one group.",
    "infra/k8s/base/trainer.yaml": "The trainer.",
    "infra/k8s/base/serving.yaml": "Serving, scaled by what waits and by p99.",
    "infra/k8s/base/console.yaml": "The console.",
    "infra/k8s/base/upkeep.yaml": "Compacts the bank every hour, and deletes what no version needs.",
    "infra/k8s/base/network.yaml": "Who may reach whom; all else is shut.",
    "infra/k8s/overlays/cpu/kustomization.yaml": "Everything on CPUs.",
    "infra/k8s/overlays/gpu/kustomization.yaml": "Serving and the trainer on GPUs.",
    "infra/k8s/overlays/gpu/serving.yaml": "A GPU for each pod of serving.",
    "infra/k8s/overlays/gpu/trainer.yaml": "A GPU for the trainer.",
    "infra/k8s/prometheus-adapter/rules.yaml": "Makes of serving's metrics what its autoscaler asks for.",
    "infra/bench/prices.toml": "What machines cost by the hour, with source and date.",
    "infra/bench/peers/litserve.txt": "LitServe's version.",
    "infra/bench/peers/mlserver.txt": "MLServer's version, and that of what it breaks with when newer.",
    "infra/demo/ATTRIBUTION.md": "Authors and license of BANKING77.",
    "infra/demo/banking77.parquet": "BANKING77, 13,083 customer queries in 77 intents.",
    "infra/grafana/hypermatch.json": "A Grafana dashboard of the whole installation.",
    "infra/prometheus/hypermatch.rules.yml": "Alerts for Prometheus.",
    "infra/scale/constants.toml": "What the calculation rests on, each number with its source.",
    "infra/torture/trouble.c": "Lets the clock jump and the disk be slow for a process that loads it.",
    "infra/kafka/pom.xml": "Fetches Apache Kafka for tests and benchmarks.",
    "infra/kafka/server.properties": "One Apache Kafka node on loopback (KRaft).",
}


def tree() -> str:
    """Return the captioned tree of files."""
    lines = [_line("", name, CAPTIONS[name]) for name in ("Makefile", "pyproject.toml", "constraints.txt")]
    for folder in FOLDERS:
        lines += _folder_lines(ROOT / folder, depth=0)
    return "```\n" + "\n".join(lines) + "\n```"


def settings() -> str:
    """Return one table of all settings."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name in SETTINGS:
        module, owner = name.rsplit(".", 1)
        kind: type[BaseSettings] = getattr(importlib.import_module(module), owner)
        for field, about in kind.model_fields.items():
            variable = f"{kind.model_config.get('env_prefix', '')}{field}".upper()
            default = "" if about.default in ("", None) else f"`{about.default}`"
            rows.append(f"| `{variable}` | {default} | {about.description} |")
    return "\n".join(rows)


def rewritten(text: str) -> str:
    """Return the README with its tree and its settings renewed."""
    for marker, content in (("tree", tree()), ("settings", settings())):
        begin, end = f"<!-- {marker} -->\n", f"\n<!-- end of {marker} -->"
        before, rest = text.split(begin)
        text = before + begin + content + end + rest.split(end)[1]
    return text


def caption(file: Path) -> str:
    """Return what a file is in one sentence; raises KeyError for a file that nobody captioned."""
    if file.suffix == ".py":
        return (ast.get_docstring(ast.parse(file.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    if file.suffix == ".html":
        return file.read_text().split("\n", 1)[0].removeprefix("{# ").removesuffix(" -#}")
    return CAPTIONS[str(file.relative_to(ROOT))]


def _folder_lines(folder: Path, depth: int) -> list[str]:
    opening = folder / "__init__.py"
    lines = [_line("  " * depth, f"{folder.name}/", caption(opening) if opening.exists() else "")]
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.is_dir() and path.name != "__pycache__":
            lines += _folder_lines(path, depth + 1)
        elif path.is_file() and path.name != "__init__.py" and path.suffix != ".pyc":
            lines.append(_line("  " * (depth + 1), path.name, caption(path)))
    return lines


def _line(indent: str, name: str, about: str) -> str:
    return f"{indent}{name}".ljust(34) + (f" {about}" if about else "")


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text()))
