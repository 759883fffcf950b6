"""An HTTP load of single texts: closed loop or constant rate, latencies from when a request was due."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infra.demo.traffic import CONFIDENCE_TOLERANCE

Expected = dict[int, dict[str, dict[str, float]]]     # version -> text -> label -> probability


@dataclass
class Outcome:
    """What became of the requests of one load."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    failed: int = 0
    mixed: int = 0
    versions: set[int] = field(default_factory=set)

    @property
    def texts_per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.latencies_ms, percent))


class Load:
    """Requests with one text each against one server, every answer checked against the version that it names."""

    def __init__(self, port: int, path: str, texts: Sequence[str], expected: Expected, seed: int = 0) -> None:
        self.port, self.path, self.texts, self.expected = port, path, texts, expected
        self.random = random.Random(seed)
        self.outcome = Outcome()

    async def closed(self, connections: int, seconds: float) -> Outcome:
        """Each connection asks again as soon as it was answered."""
        deadline = time.perf_counter() + seconds

        async def keep_asking() -> None:
            connection = Connection(self.port)
            while time.perf_counter() < deadline:
                await self.ask(connection, time.perf_counter())
            connection.close()

        return await self._timed(asyncio.gather(*(keep_asking() for _ in range(connections))))

    async def constant(self, connections: int, per_second: float, stop: asyncio.Event) -> Outcome:
        """Requests fall due at a constant rate until `stop`; waiting for a free connection counts as latency."""
        due: asyncio.Queue[float] = asyncio.Queue()

        async def work() -> None:
            connection = Connection(self.port)
            while (at := await due.get()) >= 0:
                await self.ask(connection, at)
            connection.close()

        async def feed() -> None:
            begun, n = time.perf_counter(), 0
            while not stop.is_set():
                await asyncio.sleep(max(begun + n / per_second - time.perf_counter(), 0))
                due.put_nowait(begun + n / per_second)
                n += 1
            for _ in range(connections):
                due.put_nowait(-1.0)

        return await self._timed(asyncio.gather(feed(), *(work() for _ in range(connections))))

    async def _timed(self, loads: "asyncio.Future[Any]") -> Outcome:
        begun = time.perf_counter()
        await loads
        self.outcome.seconds = time.perf_counter() - begun
        return self.outcome

    async def ask(self, connection: "Connection", due: float) -> int | None:
        """Return the version that answered; None if the request failed."""
        text = self.random.choice(self.texts)
        answer = await connection.post(self.path, json.dumps({"texts": [text]}).encode())
        self.outcome.latencies_ms.append(1_000 * (time.perf_counter() - due))
        if answer is None:
            self.outcome.failed += 1
            return None
        version: int = answer["model_version"]
        told = answer["predictions"][0]
        self.outcome.versions.add(version)
        probs = self.expected[version][text]
        self.outcome.mixed += abs(probs[told["label"]] - told["confidence"]) > CONFIDENCE_TOLERANCE
        return version


class Connection:
    """One kept-alive HTTP/1.1 connection, as thin as can be: its work is on the measured cores."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> dict[str, Any] | None:
        """Return the JSON answer, None unless it is a 200."""
        try:
            if self.streams is None:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self.streams
            writer.write(b"POST %b HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            content = await reader.readexactly(length)
            return json.loads(content) if head.startswith(b"HTTP/1.1 200") else None
        except (OSError, asyncio.IncompleteReadError, IndexError):
            self.close()
            return None

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None
