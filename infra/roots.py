"""What commands have in common: opening the registry and its artifacts, the clock, who acts and why."""

import getpass
import os
from datetime import UTC, datetime

import click
from sqlalchemy import Engine

from registry.artifacts.store import ArtifactStore
from registry.database import open_database
from registry.settings import RegistrySettings


def user_name() -> str:
    """Return who runs this process; in a container without accounts, its user number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


actor_option = click.option("--actor", default=user_name, show_default="your user name", help="Who acts.")
reason_option = click.option("--reason", required=True, help="Why; kept in the audit log.")
task_option = click.option("--task", "task_name", required=True, help="Name of the task.")


def open_registry() -> Engine:
    return open_database(RegistrySettings().url)


def open_store() -> ArtifactStore:
    return ArtifactStore(RegistrySettings().artifacts)


def utc_now() -> datetime:
    return datetime.now(UTC)
