"""One trace leads from a client's request over Kafka to the commit that banked the answer; without tracing, none."""

import json
import logging
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from infra.broker import API_VERSION, start_broker
from ingest.bank import DataBank
from ingest.running import run
from ingest.settings import IngestSettings
from ingest.traces import TracedMessages
from registry.telemetry.logs import JsonLines
from registry.telemetry.opening import open_tracing
from registry.telemetry.settings import TelemetrySettings
from serving.routes import create_app
from serving.settings import ServingSettings
from serving.worker import opened

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """An OTLP/HTTP collector that keeps the spans it is sent."""

    def __init__(self) -> None:
        self.spans: list[dict] = []
        spans = self.spans

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["content-length"])))
                for resource in content["resourceSpans"]:
                    told = {each["key"]: each["value"] for each in resource["resource"]["attributes"]}
                    for scope in resource["scopeSpans"]:
                        spans.extend({**span, "service": told["service.name"]["stringValue"]}
                                     for span in scope["spans"])
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


@pytest.fixture
def broker():
    with start_broker() as broker:
        yield broker


def wait_until(is_true) -> None:
    until = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.05)


def answered(installation, broker, telemetry, requests) -> None:
    """Serve with these settings until the requests are answered and published."""
    tracing = open_tracing(telemetry, "serving")
    settings = ServingSettings(threads=1, providers="cpu", poll_seconds=0.05, brokers=broker.address,
                               broker_api_version=API_VERSION)
    app = create_app(lambda: opened(settings, installation.engine, installation.store, tracing))
    with TestClient(app if tracing is None else tracing.traced(app)) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200)
        for headers in requests:
            told = client.post("/v1/tasks/intents/predict", json={"texts": ["card lost", "who?"]}, headers=headers)
            assert told.status_code == 200


def banked(broker, folder, telemetry, n_rows) -> None:
    """Bank what is on the topics with these settings until there are `n_rows`."""
    settings = IngestSettings(brokers=broker.address, broker_api_version=API_VERSION, bank=str(folder),
                              flush_seconds=0.2, n_workers=0)
    tracing, stop = open_tracing(telemetry, "ingest"), threading.Event()
    thread = threading.Thread(target=run, args=(settings,), kwargs={
        "process": "i", "engine": None, "stop": stop, "now": lambda: datetime.now(UTC),
        "traced": None if tracing is None else TracedMessages(tracing)})
    thread.start()
    bank = DataBank(str(folder))
    wait_until(lambda: bank.version is not None and bank.rows().num_rows >= n_rows)
    stop.set()
    thread.join(60)


def test_a_clients_trace_reaches_the_commit_that_banked_its_answer(installation, broker, collector, tmp_path):
    installation.promote()
    telemetry = TelemetrySettings(traces_url=collector.url, traced_ratio=0.0)       # only what a caller asks for
    sampled, unsampled = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE[::-1]}-{PARENT}-00"
    answered(installation, broker, telemetry, [{"traceparent": sampled}, {"traceparent": unsampled}, {}])
    banked(broker, tmp_path / "bank", telemetry, n_rows=2)

    by_service = {span["service"]: span for span in collector.spans}
    assert len(collector.spans) == 2 and {span["traceId"] for span in collector.spans} == {TRACE}
    request, commit = by_service["hypermatch-serving"], by_service["hypermatch-ingest"]
    assert request["parentSpanId"] == PARENT and commit["parentSpanId"] == request["spanId"]
    assert commit["name"] == "bank commit" and int(commit["endTimeUnixNano"]) > int(request["endTimeUnixNano"])


def test_without_a_collector_nothing_of_tracing_is_even_imported():
    code = ("import sys, ingest.running, serving.worker, registry.telemetry.opening as o\n"
            "from registry.telemetry.settings import TelemetrySettings\n"
            "assert o.open_tracing(TelemetrySettings(), 'x') is None\n"
            "print([name for name in sys.modules if name.startswith('opentelemetry')])")
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


def test_a_log_line_is_one_object_whatever_it_says():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("hypermatch.serving", logging.ERROR, "f", 1, "%s: 재미\n있네", ("v1",),
                                   sys.exc_info())
    line = JsonLines().format(record)
    told = json.loads(line)
    assert "\n" not in line and told["message"] == "v1: 재미\n있네" and told["level"] == "error"
    assert told["logger"] == "hypermatch.serving" and "two\nlines" in told["traceback"]


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="must be http"):
        TelemetrySettings(traces_url="collector:4318")
