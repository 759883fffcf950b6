"""The processes that make up one machine, and the environment that joins them."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.broker import API_VERSION
from infra.supervisor import Part

COMMANDS = {
    "ingest": ("ingest", "run"),
    "trainer": ("trainer", "run"),
    "serving": ("serve",),
    "console": ("console",),
}


def machine_parts(environment: Mapping[str, str]) -> list[Part]:
    """Return ingest, trainer, serving and the console, in the order they start."""
    environment = {**environment, "HYPERMATCH_CONSOLE_IS_LINK_PRINTED": "false"}  # no link in a log
    return [Part(name, (sys.executable, "-m", "infra", *arguments), environment)
            for name, arguments in COMMANDS.items()]


def state_environment(folder: Path) -> dict[str, str]:
    """Point every part at one folder for the registry, the artifacts, the bank, the caches and what BentoML keeps."""
    return {
        "HYPERMATCH_REGISTRY_URL": f"sqlite:///{folder}/registry.db",
        "HYPERMATCH_REGISTRY_ARTIFACTS": f"{folder}/artifacts",
        "HYPERMATCH_INGEST_BANK": f"{folder}/bank",
        "HYPERMATCH_TRAINER_CACHE": f"{folder}/cache",
        "HYPERMATCH_TRAINER_REPORTS": f"{folder}/drift",
        "BENTOML_HOME": f"{folder}/bentoml",
    }


def embedded_broker_environment(address: str) -> dict[str, str]:
    """Point every part at an embedded broker."""
    return {
        "HYPERMATCH_INGEST_BROKERS": address,
        "HYPERMATCH_INGEST_BROKER_API_VERSION": API_VERSION,
        "HYPERMATCH_SERVING_BROKERS": address,
        "HYPERMATCH_SERVING_BROKER_API_VERSION": API_VERSION,
    }


def free_port(preferred: int = 0) -> int:
    """Return a loopback port that nobody listens on, the preferred one if possible."""
    for port in (preferred, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
