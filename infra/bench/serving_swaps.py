"""Promotes versions from a process of its own, as the console does, and waits until a server answers with them."""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Engine

from infra.demo.traffic import get
from registry.database import open_database, write
from registry.errors import HyperMatchError
from registry.lifecycle.promotion import roll_back

PATIENCE_SECONDS = 60
REST_SECONDS = 0.5                                    # between one swap and the next
N_ASKS = 8                                            # fresh connections that must all meet the new version


@contextmanager
def promoter(url: str, task: str, port: int) -> Iterator[Callable[[int], float]]:
    """Yield what makes a version that was champion the champion again and returns the seconds until it is served.

    It works in another process: in this one the interpreter's lock would hold up those who ask.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        process.submit(_get_ready, url, task, port).result()          # what it imports is no part of a swap
        yield lambda wanted: process.submit(_swap, url, task, port, wanted).result()


def _get_ready(url: str, task: str, port: int) -> None:
    _registry(url)
    _served(port, task)


def _swap(url: str, task: str, port: int, wanted: int) -> float:
    begun = time.perf_counter()
    with write(_registry(url)) as session:
        roll_back(session, task, wanted, actor="bench", reason="measured", now=datetime.now(UTC))
    while not all(_served(port, task) == wanted for _ in range(N_ASKS)):
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            raise HyperMatchError(f"the server did not swap to v{wanted} within {PATIENCE_SECONDS} s")
        time.sleep(0.05)
    seconds = time.perf_counter() - begun
    time.sleep(REST_SECONDS)
    return seconds


@lru_cache
def _registry(url: str) -> Engine:
    return open_database(url)


def _served(port: int, task: str) -> int | None:
    told = (json.loads(get(port, "/v1/info") or b"{}").get("tasks") or {}).get(task)
    return None if told is None else int(told["version_number"])
