"""What an environment in a container file sets: known variables only, in values that the roles' settings take."""

import importlib
import os
from collections.abc import Mapping

import pytest
from pydantic_settings import BaseSettings

from infra.readme import SETTINGS

NOT_OURS = {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "AWS_REGION", "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
READ_BY = {                                           # role -> the settings that its process reads
    "ingest": ("Registry", "Telemetry", "Ingest"),
    "trainer": ("Registry", "Telemetry", "Ingest", "Trainer"),
    "serving": ("Registry", "Telemetry", "Serving"),
    "console": ("Registry", "Telemetry", "Console", "Oidc"),
    "migrate": ("Registry",),
    "compact": ("Registry", "Telemetry", "Ingest"), "vacuum": ("Registry", "Telemetry", "Ingest"),
}


def classes() -> dict[str, type[BaseSettings]]:
    found = (name.rsplit(".", 1) for name in SETTINGS)
    return {owner.removesuffix("Settings"): getattr(importlib.import_module(module), owner) for module, owner in found}


def variables() -> dict[str, str]:
    """Return which settings each variable belongs to."""
    return {f"{kind.model_config['env_prefix']}{field}".upper(): name
            for name, kind in classes().items() for field in kind.model_fields}


def read_as(role: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseSettings]:
    """Return the settings that a role's process would start with; raises ValidationError as it would."""
    known = variables()
    for name in environment:
        assert name in known or name in NOT_OURS, f"{role}: nobody reads {name}"
        assert name in NOT_OURS or known[name] in READ_BY[role] or name in SHARED, f"{role} does not read {name}"
    for name in os.environ:
        if name.startswith("HYPERMATCH_"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith("HYPERMATCH_"):
            monkeypatch.setenv(name, value)
    return {name: classes()[name]() for name in READ_BY[role]}


SHARED = {"HYPERMATCH_INGEST_BANK", "HYPERMATCH_TRAINER_REPORTS", "HYPERMATCH_TRAINER_RECIPES",
          "HYPERMATCH_CONSOLE_DRIFT_REPORTS", "HYPERMATCH_CONSOLE_URL"}          # one map of settings for all pods
