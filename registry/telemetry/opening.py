"""Opens what a process traces with, only where tracing is on: its packages are an extra."""

from typing import TYPE_CHECKING

from registry.errors import RegistryError
from registry.telemetry.settings import TelemetrySettings

if TYPE_CHECKING:
    from registry.telemetry.tracing import Tracing


def open_tracing(settings: TelemetrySettings, service: str) -> "Tracing | None":
    """Return the tracer of this process; None, at no cost, where no collector is set."""
    if not settings.traces_url:
        return None
    try:
        from registry.telemetry.tracing import Tracing  # here, because it needs `hypermatch[otel]`
    except ModuleNotFoundError as error:
        raise RegistryError(f"traces need the package of {error.name!r}", "`pip install 'hypermatch[otel]'`, or leave "
                            "HYPERMATCH_TELEMETRY_TRACES_URL empty") from error
    return Tracing(settings, service)
