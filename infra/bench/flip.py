"""Measures for how long replicas answer with two versions: each changing by itself, and all together."""

import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from infra import postgres
from infra.bench.load import Connection, Expected, Load
from infra.bench.serving import PATH, expected_answers
from infra.bench.serving_stage import ACTOR, REASON, TASK, Stage
from infra.demo.cast import deal
from infra.demo.traffic import wait_until_ready
from infra.parts import free_port
from infra.supervisor import Part, Supervisor, last_line
from registry.database import database_time, write
from registry.errors import HyperMatchError
from registry.lifecycle.flipping import roll_back_together
from trainer.recipe import Recipe

PER_SECOND = 25                                       # requests to each replica: light, and one in 40 ms
N_TEXTS = 100
READY_SECONDS = 180                                   # all replicas start at once
CHANGE_SECONDS = 60                                   # until all answer with the version
REST_SECONDS = 0.5                                    # after the change, for answers that are late
KINDS = ("uncoordinated", "coordinated")


class Replica:
    """One server that is asked at a steady pace, and when it answered first and last with each version."""

    def __init__(self, port: int, texts: Sequence[str], expected: Expected, seed: int) -> None:
        self.load, self.connection = Load(port, PATH, texts, expected, seed), Connection(port)
        self.heard: dict[int, tuple[float, float]] = {}
        self.newest: int | None = None

    async def keep_asking(self) -> None:
        due = time.perf_counter()
        while True:
            version = await self.load.ask(self.connection, time.perf_counter())
            if version is not None:
                now, self.newest = time.perf_counter(), version
                self.heard[version] = self.heard.get(version, (now, now))[0], now
            due = max(due + 1 / PER_SECOND, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter())


def measure(recipe: Recipe, cache: Path, *, replicas: int, promotions: int, poll_seconds: float,
            registry: str) -> dict[str, Any]:
    """Return the windows of `promotions` changes of each kind, which alternate, and what became of the requests.

    Every change is to a version that no replica holds in memory.
    """
    with tempfile.TemporaryDirectory() as name, registry_at(registry, Path(name)) as url, \
            tqdm(total=3 + 2 * promotions, disable=None) as bar:
        stage = Stage(Path(name), cache, url=url)
        stage.fill(recipe, lambda told: _step(bar, f"train {told}"))
        texts = [text for text, _ in deal(0).test[:N_TEXTS]]
        expected = expected_answers(stage, texts)
        with serving(stage, replicas, poll_seconds, Path(name) / "logs", bar) as ports:
            asked = [Replica(port, texts, expected, port) for port in ports]
            changes = asyncio.run(changed(stage, asked, promotions, bar))
    return {"replicas": replicas, "registry": registry, "promotions": promotions, "poll_seconds": poll_seconds,
            "encoder": recipe.encoder,
            "window_ms": {kind: summary([window for window, _ in changes[kind]]) for kind in KINDS},
            "seconds": {kind: summary([seconds for _, seconds in changes[kind]], 2) for kind in KINDS},
            "requests": sum(len(each.load.outcome.latencies_ms) for each in asked),
            "failed": sum(each.load.outcome.failed for each in asked),
            "mixed": sum(each.load.outcome.mixed for each in asked)}


async def changed(stage: Stage, replicas: Sequence[Replica], promotions: int,
                  bar: tqdm) -> dict[str, list[tuple[float, float]]]:
    """Change versions in turn, by each kind alternately; return the window in ms and the seconds of each change."""
    acts: dict[str, Callable[[int], None]] = {"uncoordinated": stage.promote, "coordinated": partial(together, stage)}
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    asking = [asyncio.create_task(each.keep_asking()) for each in replicas]
    numbers = sorted(stage.digests)
    for number in range(2 * promotions):
        kind, wanted = KINDS[number % 2], numbers[(number + 1) % len(numbers)]
        found[kind].append(await change(replicas, acts[kind], wanted))
        _step(bar, kind)
    for task in asking:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return found


async def change(replicas: Sequence[Replica], act: Callable[[int], None], wanted: int) -> tuple[float, float]:
    """Return for how many ms two versions answered, and the seconds until all answered with `wanted`."""
    begun = time.perf_counter()
    for each in replicas:
        each.heard.clear()
    await asyncio.to_thread(act, wanted)
    while not all(each.newest == wanted for each in replicas):
        if time.perf_counter() - begun > CHANGE_SECONDS:
            raise HyperMatchError(f"not every replica answered with v{wanted} within {CHANGE_SECONDS} s")
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - begun
    await asyncio.sleep(REST_SECONDS)
    first = min(each.heard[wanted][0] for each in replicas)
    last = max((at for each in replicas for version, (_, at) in each.heard.items() if version != wanted), default=first)
    return 1_000 * max(last - first, 0.0), seconds


def together(stage: Stage, number: int) -> None:
    with write(stage.engine) as session:
        roll_back_together(session, TASK, number, actor=ACTOR, reason=REASON, now=database_time(session))


@contextmanager
def serving(stage: Stage, replicas: int, poll_seconds: float, logs: Path, bar: tqdm) -> Iterator[list[int]]:
    """Yield the ports of ready servers, each with one worker of one thread."""
    ports = [free_port() for _ in range(replicas)]
    settings = {"WORKERS": "1", "THREADS": "1", "RUNS_AT_ONCE": "1", "POLL_SECONDS": str(poll_seconds), "BROKERS": ""}
    environment = {**stage.environment, **{f"HYPERMATCH_SERVING_{name}": value for name, value in settings.items()}}
    parts = [Part(f"server-{port}", (sys.executable, "-m", "infra", "serve", "--port", str(port)), environment)
             for port in ports]
    with Supervisor(parts, logs, bar.write):
        bar.set_postfix_str(f"start {replicas} servers")
        for port in ports:
            if not wait_until_ready(port, READY_SECONDS):
                raise HyperMatchError(f"a server did not become ready{last_line(logs / f'server-{port}.log')}",
                                      "ask for fewer --replicas")
        yield ports


@contextmanager
def registry_at(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/registry.db"
        return
    if postgres.servers_folder() is None:
        raise HyperMatchError("PostgreSQL's server programs are not here (initdb, pg_ctl)",
                              "install PostgreSQL 15 or later, or take --registry sqlite")
    with postgres.running(folder / "postgres") as url:
        yield url


def summary(figures: Sequence[float], digits: int = 0) -> dict[str, Any]:
    return {"median": round(statistics.median(figures), digits), "worst": round(max(figures), digits),
            "each": [round(figure, digits) for figure in figures]}


def _step(bar: tqdm, what: str) -> None:
    bar.set_postfix_str(what)
    bar.update()
