"""A load of prepared requests on any server: as fast as it answers, or as independent clients come (open loop)."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from infra.bench.load import Connection, Load, Outcome
from infra.demo.traffic import CONFIDENCE_TOLERANCE

PATIENCE_SECONDS = 30.0                               # beyond it a request counts as failed

Probs = dict[str, dict[str, float]]                   # text -> label -> probability


class PreparedLoad(Load):
    """Requests written beforehand, so that the generator takes little of the measured cores; every answer checked.

    A latency runs from the moment a request was due, whether or not a connection was free
    then, and only what was answered counts.
    """

    def __init__(self, port: int, path: str, requests: Sequence[Sequence[str]], body: Callable[[Sequence[str]], Any],
                 read: Callable[[Any], list[tuple[str, float]]], probs: Probs, seed: int = 0) -> None:
        super().__init__(port, path, (), {}, seed)
        self.requests = [(texts, json.dumps(body(texts)).encode()) for texts in requests]
        self.read, self.probs = read, probs

    async def arriving(self, connections: int, per_second: float, seconds: float) -> Outcome:
        """Requests fall due at random (Poisson) for so many seconds, and all are waited for."""
        due: asyncio.Queue[float] = asyncio.Queue()

        async def work() -> None:
            connection = Connection(self.port)
            while (at := await due.get()) >= 0:
                await self.ask(connection, at)
            connection.close()

        async def feed() -> None:
            begun = time.perf_counter()
            for after in arrivals(self.random, per_second, seconds):
                await asyncio.sleep(max(begun + after - time.perf_counter(), 0))
                due.put_nowait(begun + after)
            for _ in range(connections):
                due.put_nowait(-1.0)

        return await self._timed(asyncio.gather(feed(), *(work() for _ in range(connections))))

    async def ask(self, connection: Connection, due: float) -> None:
        texts, body = self.random.choice(self.requests)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await connection.post(self.path, body)
        except TimeoutError:
            connection.close()
            answer = None
        if answer is None:
            self.outcome.failed += 1
        else:
            self.outcome.latencies_ms.append(1_000 * (time.perf_counter() - due))
            self.outcome.mixed += not self._is_right(texts, answer)

    def _is_right(self, texts: Sequence[str], answer: Any) -> bool:
        told = self.read(answer)
        return len(told) == len(texts) and all(
            abs(self.probs[text].get(label, -1.0) - confidence) <= CONFIDENCE_TOLERANCE
            for text, (label, confidence) in zip(texts, told, strict=True))


def arrivals(draw: random.Random, per_second: float, seconds: float) -> list[float]:
    """Return when requests fall due, in seconds from the begin; at least one does."""
    found: list[float] = []
    at = draw.expovariate(per_second)
    while at < seconds or not found:
        found.append(at)
        at += draw.expovariate(per_second)
    return found
