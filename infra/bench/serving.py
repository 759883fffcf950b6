"""Measures serving through HTTP against ONNX Runtime alone, and hot swaps under load, in one run."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from infra.bench.ceiling import CONNECTIONS, N_TEXTS
from infra.bench.load import Expected, Load, Outcome
from infra.bench.serving_stage import TASK, Stage
from infra.bench.serving_swaps import promoter
from infra.demo.cast import deal
from infra.demo.traffic import wait_until_ready
from infra.parts import free_port
from infra.supervisor import Part, Supervisor, last_line
from registry.artifacts.bundle import load_bundle
from registry.errors import HyperMatchError
from serving.predictor import Predictor
from trainer.recipe import Recipe

SHARE_OF_CAPACITY = 0.5                               # of the constant load under which versions are swapped
PATH = f"/v1/tasks/{TASK}/predict"
PATIENCE_SECONDS = 60                                 # until the server is ready


def measure(recipe: Recipe, cache: Path, *, lanes: int, threads: int, seconds: float, rounds: int,
            swaps: int) -> dict[str, Any]:
    """Return rates, their ratio, latencies, and what `swaps` hot swaps did to a constant load.

    The ceiling runs the same model in one process with as many runs at once and threads, on the
    batches that 32 connections can make, with nothing but ONNX Runtime. The load generator
    shares the cores with the server and not with the ceiling: the ratio carries its cost.
    """
    with tempfile.TemporaryDirectory() as name, tqdm(total=3 + 2 * rounds + swaps, disable=None) as bar:
        folder, port = Path(name), free_port()
        stage = Stage(folder, cache)
        stage.fill(recipe, lambda told: _step(bar, f"train {told}"))
        texts = [text for text, _ in deal(0).test[:N_TEXTS]]
        expected = expected_answers(stage, texts)
        server = Part("server", (sys.executable, "-m", "infra", "serve"), {
            **stage.environment, "HYPERMATCH_SERVING_PORT": str(port), "HYPERMATCH_SERVING_RUNS_AT_ONCE": str(lanes),
            "HYPERMATCH_SERVING_THREADS": str(threads), "HYPERMATCH_SERVING_POLL_SECONDS": "0.2",
            "HYPERMATCH_SERVING_BROKERS": ""})
        with Supervisor([server], folder / "logs", bar.write):
            if not wait_until_ready(port, PATIENCE_SECONDS):
                raise HyperMatchError(f"the server did not become ready{last_line(folder / 'logs/server.log')}")
            ceilings, served = throughput(stage, port, texts, expected, bar, lanes=lanes, threads=threads,
                                          seconds=seconds, rounds=rounds)
            rate = statistics.median(each.texts_per_second for each in served)
            swap = swapped_under_load(stage, port, texts, expected, bar, rate=rate * SHARE_OF_CAPACITY,
                                      seconds=seconds, swaps=swaps)
    ceiling = statistics.median(ceilings)
    return {
        "ceiling_texts_per_second": round(ceiling, 1), "texts_per_second": round(rate, 1),
        "ratio": round(rate / ceiling, 3),
        "p50_ms": round(statistics.median(each.percentile_ms(50) for each in served), 1),
        "p99_ms": round(statistics.median(each.percentile_ms(99) for each in served), 1),
        "swap": swap, "connections": CONNECTIONS, "runs_at_once": lanes, "threads": threads,
        "precision": recipe.export.precision, "encoder": recipe.encoder,
        "ceilings": [round(each, 1) for each in ceilings],
        "rates": [round(each.texts_per_second, 1) for each in served],
        "failed": sum(each.failed for each in served), "mixed": sum(each.mixed for each in served),
    }


def throughput(stage: Stage, port: int, texts: list[str], expected: Expected, bar: tqdm, *, lanes: int,
               threads: int, seconds: float, rounds: int) -> tuple[list[float], list[Outcome]]:
    """Alternate between the ceiling and the server, so that a drifting machine drifts under both."""
    ceilings, served = [], []
    asyncio.run(Load(port, PATH, texts, expected).closed(CONNECTIONS, seconds / 3))          # warm
    for seed in range(rounds):
        ceilings.append(ceiling_rate(stage, lanes=lanes, threads=threads, seconds=seconds))
        _step(bar, "ONNX Runtime alone")
        served.append(asyncio.run(Load(port, PATH, texts, expected, seed).closed(CONNECTIONS, seconds)))
        _step(bar, "through HTTP")
    return ceilings, served


def ceiling_rate(stage: Stage, *, lanes: int, threads: int, seconds: float) -> float:
    """Return the texts per second of ONNX Runtime alone, in a process of its own."""
    command = [sys.executable, "-m", "infra.bench.ceiling", stage.store.root, stage.digests[1], str(threads),
               str(lanes), str(seconds)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def swapped_under_load(stage: Stage, port: int, texts: list[str], expected: Expected, bar: tqdm, *, rate: float,
                       seconds: float, swaps: int) -> dict[str, Any]:
    """Hold a constant load, first without and then with swaps, each of which loads a version from the store."""

    took: list[float] = []

    def swap_in_turn() -> None:
        numbers = sorted(stage.digests)
        for number in range(swaps):
            took.append(swap(numbers[(number + 1) % len(numbers)]))
            _step(bar, "swap")

    async def run() -> tuple[Outcome, Outcome]:
        calm = await _constant(port, texts, expected, rate, lambda: time.sleep(3 * seconds))
        return calm, await _constant(port, texts, expected, rate, swap_in_turn)

    with promoter(stage.environment["HYPERMATCH_REGISTRY_URL"], TASK, port) as swap:
        calm, busy = asyncio.run(run())
    return {
        "swaps": len(took), "requests": len(busy.latencies_ms), "failed": busy.failed + calm.failed,
        "mixed": busy.mixed + calm.mixed, "p99_ratio": round(busy.percentile_ms(99) / calm.percentile_ms(99), 2),
        "p99_ms_without": round(calm.percentile_ms(99), 1), "p99_ms_during": round(busy.percentile_ms(99), 1),
        "p50_ms_without": round(calm.percentile_ms(50), 1), "p50_ms_during": round(busy.percentile_ms(50), 1),
        "versions_seen": sorted(busy.versions), "requests_per_second": round(rate, 1),
        "median_swap_seconds": round(statistics.median(took), 2),
    }


async def _constant(port: int, texts: list[str], expected: Expected, rate: float,
                    act: Callable[[], object]) -> Outcome:
    """Hold the load for as long as `act` takes."""
    stop = asyncio.Event()
    load = asyncio.create_task(Load(port, PATH, texts, expected).constant(CONNECTIONS, rate, stop))
    await asyncio.to_thread(act)
    stop.set()
    return await load


def expected_answers(stage: Stage, texts: list[str]) -> Expected:
    """Compute in this process what each version must answer."""
    expected: Expected = {}
    for number, digest in stage.digests.items():
        bundle = load_bundle(stage.store, digest)
        probs, _ = Predictor.load(bundle, ["CPUExecutionProvider"]).probs(texts)
        expected[number] = {text: dict(zip(bundle.labels, map(float, row), strict=True))
                            for text, row in zip(texts, probs, strict=True)}
    return expected


def _step(bar: tqdm, what: str) -> None:
    bar.set_postfix_str(what)
    bar.update()
