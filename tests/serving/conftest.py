"""A registry with a task whose versions can be promoted at will, and the application that serves it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from registry.artifacts.store import ArtifactStore
from registry.database import read, write
from registry.lifecycle.promotion import approve, promote, roll_back
from registry.lifecycle.trials import end_trial, start_trial
from registry.lifecycle.versions import get_version, record_evaluation, record_gate, register_candidate
from registry.tables import AliasName, Stage
from registry.tasks import create_task
from serving.routes import create_app
from serving.settings import ServingSettings
from serving.worker import opened
from tests.serving.bundles import tiny_bundle

LABELS = ["lost", "money", "other"]
WHO = {"actor": "ada", "reason": "good"}


@dataclass
class Installation:
    """A task `intents` in a registry; `promote` makes tiny versions that all answer differently."""

    engine: Engine
    store: ArtifactStore
    url: str
    digests: list[str] = field(default_factory=list)

    def promote(self, digest: str | None = None, labels: list[str] = LABELS, label_space: int = 1) -> int:
        """Make a bundle the champion, a new tiny one unless a digest is given; return its number."""
        number = self.approve(digest, labels, label_space)
        with write(self.engine) as session:
            promote(session, "intents", number, **WHO, now=datetime.now(UTC))
        return number

    def approve(self, digest: str | None = None, labels: list[str] = LABELS, label_space: int = 1) -> int:
        """Register and approve a bundle, a new tiny one unless a digest is given; return its number."""
        now = datetime.now(UTC)
        digest = digest or tiny_bundle(self.store, "intents", labels, seed=len(self.digests),
                                       label_space=label_space)
        self.digests.append(digest)
        with write(self.engine) as session:
            version = register_candidate(session, "intents", digest=digest, label_space=label_space, run_id=None,
                                         requested_by="ada", recipe={}, bank_version=None, code_revision="r",
                                         n_labels=3, now=now)
            record_evaluation(session, version, {}, now=now)
            record_gate(session, version, {"passed": True, "reasons": ["good"]}, now=now)
            approve(session, "intents", version.number, **WHO, now=now)
            return version.number

    def start_trial(self, number: int, name: AliasName, share: float | None = None) -> None:
        with write(self.engine) as session:
            start_trial(session, "intents", number, name, share=share, **WHO, now=datetime.now(UTC))

    def end_trial(self, name: AliasName) -> None:
        with write(self.engine) as session:
            end_trial(session, "intents", name, **WHO, now=datetime.now(UTC))

    def return_to(self, number: int) -> None:
        with write(self.engine) as session:
            if get_version(session, "intents", number).stage is not Stage.CHAMPION:
                roll_back(session, "intents", number, **WHO, now=datetime.now(UTC))

    def told(self, action: str) -> list[str]:
        """Return the reasons of the audit entries of one kind."""
        from registry.audit import entries

        with read(self.engine) as session:
            return [entry.reason for entry in entries(session, action=action)]


@pytest.fixture
def installation(engine, store, registry_url, now):
    with write(engine) as session:
        create_task(session, "intents", LABELS, actor="ada", now=now)
    return Installation(engine, store, registry_url)


@pytest.fixture
def serve(installation):
    """Open the application in this process with settings of the test's choice."""
    opened_clients = []

    def start(**settings) -> TestClient:
        chosen = ServingSettings(**{"poll_seconds": 0.05, "threads": 1, "providers": "cpu", **settings})
        app = create_app(lambda: opened(chosen, installation.engine, installation.store))
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        opened_clients.append(client)
        return client

    yield start
    for client in opened_clients:
        client.__exit__(None, None, None)
