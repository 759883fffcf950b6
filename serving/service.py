"""The BentoML service: workers, lifecycle and metrics by BentoML, answers by the mounted application."""

import gc
import logging
import os
import sys

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # before the import: a closed network has nobody to tell

import bentoml
from sqlalchemy import Engine
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.artifacts.store import ArtifactStore
from registry.database import open_database, open_unchecked
from registry.errors import RegistryAway
from registry.settings import RegistrySettings
from registry.telemetry.logs import reformat_logs
from registry.telemetry.opening import open_tracing
from registry.telemetry.settings import TelemetrySettings
from serving.orphans import end_with_parent, is_worker
from serving.routes import create_app
from serving.settings import ServingSettings
from serving.supervision import keep_steady_time
from serving.worker import opened

SWITCH_SECONDS = 0.0005                               # an answer waits no longer for the lock of a thread that computes
settings, registry_settings, telemetry = ServingSettings(), RegistrySettings(), TelemetrySettings()
logging.getLogger("hypermatch").setLevel(logging.INFO)
reformat_logs(telemetry, ("bentoml", "uvicorn.error", "circus"))     # BentoML has set them up by now
tracing = open_tracing(telemetry, "serving")


def open_registry() -> Engine:
    """Open the registry; one that is away when a worker starts again keeps it from answering, not from starting."""
    try:
        return open_database(registry_settings.url)
    except RegistryAway as error:
        logging.getLogger("hypermatch.serving").warning("%s", error)
        return open_unchecked(registry_settings.url)


app = create_app(lambda: opened(settings, open_registry(), ArtifactStore(registry_settings.artifacts), tracing))
answering = app if tracing is None else tracing.traced(app)


class Front:
    """Answers predictions before BentoML's middleware, which costs more than the application does.

    Deadlines, metrics and problem documents are the application's own there; all else,
    from start to probes and /metrics, goes through BentoML.
    """

    def __init__(self, bentoml_app: ASGIApp) -> None:
        self.bentoml_app = bentoml_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["path"].startswith(("/v1/", "/v2"))
        await (answering if is_ours else self.bentoml_app)(scope, receive, send)


class FrontedService(bentoml.Service):  # type: ignore[type-arg]
    """A BentoML service with `Front` before it."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        return Front(super().to_asgi(is_main))


@bentoml.service(
    name="HyperMatch",
    service_class=FrontedService,
    workers=settings.workers,
    traffic={"timeout": settings.deadline_seconds + 5},
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


if is_worker():
    end_with_parent()
keep_steady_time()
sys.setswitchinterval(SWITCH_SECONDS)
gc.freeze()                                           # what is imported stays: looking through it would hold up answers
