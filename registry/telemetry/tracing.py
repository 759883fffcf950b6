"""Traces by OpenTelemetry: a request, the records that came of it, and the commit that banked them, in one trace."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from registry.telemetry.settings import TelemetrySettings

W3C = TraceContextTextMapPropagator()
MAX_TRACES_PER_COMMIT = 1_000


class Tracing:
    """The tracer of one process. Spans leave on a thread of their own; what the collector does not take is dropped."""

    def __init__(self, settings: TelemetrySettings, service: str) -> None:
        resource = Resource.create({"service.name": f"hypermatch-{service}"})
        self.provider = TracerProvider(sampler=ParentBasedTraceIdRatio(settings.traced_ratio), resource=resource)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.traces_url)))
        self.tracer = self.provider.get_tracer("hypermatch")

    def traced(self, app: Any) -> Any:
        """Return the ASGI application with a span around each request, continuing a client's `traceparent`."""
        return OpenTelemetryMiddleware(app, tracer_provider=self.provider, meter_provider=NoOpMeterProvider(),
                                       exclude_spans=["receive", "send"])

    def current(self) -> str:
        """Return the `traceparent` of the request being answered; empty outside one, or if it is not kept."""
        carrier: dict[str, str] = {}
        W3C.inject(carrier)
        found = carrier.get("traceparent", "")
        return found if found.endswith("-01") else ""

    def happened(self, name: str, seconds: float, parents: Iterable[str], attributes: Mapping[str, Any]) -> None:
        """Add to each parent's trace a span that ended now; records of one request get one."""
        end = time.time_ns()
        for parent in sorted(set(parents))[:MAX_TRACES_PER_COMMIT]:
            span = self.tracer.start_span(name, W3C.extract({"traceparent": parent}), SpanKind.CONSUMER,
                                          dict(attributes), start_time=end - int(seconds * 1e9))
            span.end(end)

    def close(self) -> None:
        """Send what is left, for a while."""
        self.provider.shutdown()
