"""The BentoML service: workers, lifecycle and metrics by BentoML, answers by the mounted application."""

import logging
import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # before the import: a closed network has nobody to tell

import bentoml

from registry.artifacts.store import ArtifactStore
from registry.database import open_database
from registry.settings import RegistrySettings
from serving.routes import create_app
from serving.settings import ServingSettings
from serving.worker import opened

logging.getLogger("hypermatch").setLevel(logging.INFO)
settings, registry_settings = ServingSettings(), RegistrySettings()
app = create_app(lambda: opened(settings, open_database(registry_settings.url),
                                ArtifactStore(registry_settings.artifacts)))


@bentoml.service(
    name="HyperMatch",
    workers=settings.workers,
    traffic={"timeout": settings.deadline_seconds + 5},          # ours, which answers with a problem, comes first
    http={"host": settings.host, "port": settings.port},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(app, path="/")
class HyperMatch:
    """Serves every task that has a champion."""

    def __is_ready__(self) -> bool:
        """Tell /readyz whether everything that is wanted is loaded."""
        worker = getattr(app.state, "worker", None)
        return worker is not None and worker.is_ready
