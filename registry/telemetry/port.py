"""The port of a process that serves nobody else: what it counts for Prometheus, and whether it still comes round."""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

LONGEST_ROUND_SECONDS = 300.0                         # as long as a consumer of Kafka may stay away from its broker


class Rounds:
    """When a loop last came round; one that has not for long hangs, and whoever tends it starts it again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.came_at = clock, clock()

    def come(self) -> None:
        self.came_at = self.clock()

    @property
    def silent_seconds(self) -> float:
        return self.clock() - self.came_at


def serve(registry: CollectorRegistry, rounds: Rounds, host: str, port: int) -> None:
    """Answer /livez (503 once the loop hangs) and, on any other path, metrics; from threads of their own."""
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/livez":
            return metrics(environ, start_response)
        is_live = rounds.silent_seconds <= LONGEST_ROUND_SECONDS
        start_response("200 OK" if is_live else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [f"came round {rounds.silent_seconds:.0f} s ago\n".encode()]

    kind = _ServerOnSix if ":" in host else _Server
    server = make_server(host, port, answer, server_class=kind, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _ServerOnSix(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, format: str, *args: Any) -> None:
        return
