"""Measures serving beside its peers in one run: every workload on every server in turn, the others asleep meanwhile."""

import asyncio
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from infra.bench.arrivals import PreparedLoad, Probs
from infra.bench.ceiling import whole_of
from infra.bench.figures import Figures
from infra.bench.load import Outcome
from infra.bench.peers.environments import HOME, python_of
from infra.bench.peers.known import OURS, RAW, SERVERS, Place
from infra.bench.processes import Running, asleep_but, sleepers
from infra.bench.serving_stage import Stage
from infra.bench.workloads import Workload, requests_of, texts_of
from infra.parts import free_port
from infra.supervisor import Supervisor
from registry.artifacts.bundle import Bundle, load_bundle
from registry.errors import HyperMatchError
from serving.predictor import Predictor
from trainer.recipe import Recipe

MOST_BATCH_TEXTS = 32                                 # as in the settings of HyperMatch
WARM_SHARE = 0.3                                      # of a round's seconds

SetStage = Callable[[Path], Stage]


@dataclass(frozen=True)
class Plan:
    """Which servers meet which workloads, for how long, at which shares of their own capacity."""

    servers: Sequence[str]
    workloads: Sequence[Workload]
    loads: Sequence[int]                              # percent of capacity
    seconds: float
    cores: int

    def left(self, figures: Figures) -> list[tuple[Workload, str]]:
        return [(workload, name) for workload in self.workloads for name in self.servers
                if not figures.has({**workload.key, "server": name})]


def trained(recipe: Recipe, cache: Path) -> SetStage:
    """Return what makes a stage with one version trained by `recipe`."""

    def set_stage(folder: Path) -> Stage:
        stage = Stage(folder, cache, n_versions=1)
        stage.fill(recipe, lambda _: None)
        return stage

    return set_stage


def conditions(recipe: Recipe, cores: int) -> dict[str, Any]:
    """Return what must be alike for figures to stand in one table."""
    return {"encoder": recipe.encoder, "precision": recipe.export.precision, "cores": cores,
            "machine_cores": os.cpu_count()}


def measure(set_stage: SetStage, plan: Plan, figures: Figures, say: Callable[[str], None]) -> None:
    """Measure what `figures` does not hold yet; each cell is kept as soon as it is whole.

    `set_stage` makes a registry below a folder, with one champion.
    """
    left = plan.left(figures)
    if not left:
        return
    names = [name for name in plan.servers if name in {each for _, each in left}]
    pythons = {name: python_of(name, say) if name != RAW and SERVERS[name].is_separate else Path(sys.executable)
               for name in names}
    with tempfile.TemporaryDirectory() as folder, tqdm(total=len(left), unit="cell", disable=None) as bar:
        hall = Hall(Path(folder), set_stage(Path(folder)), plan)
        with Supervisor(hall.parts(pythons), HOME / "logs", bar.write) as supervisor, \
                sleepers(supervisor) as running:
            hall.wait_until_ready(running)
            for workload, name in left:
                bar.set_postfix_str(f"{name}: {workload}")
                with asleep_but(name, running):
                    found = hall.alone(workload) if name == RAW else hall.served(workload, name, running[name])
                figures.add({"server": name, **workload.key, "seconds": plan.seconds, **found})
                bar.update()


class Hall:
    """Where the contest takes place: one bundle, laid out for every server, and the texts of every workload."""

    def __init__(self, folder: Path, stage: Stage, plan: Plan) -> None:
        self.folder, self.stage, self.plan = folder, stage, plan
        self.bundle = load_bundle(stage.store, stage.digests[1])
        if self.bundle.facts.features != "tokens":
            raise HyperMatchError(f"the peers read tokens, not {self.bundle.facts.features}",
                                  "take a recipe whose encoder has a tokenizer")
        self.model = lay_out(self.bundle, folder / "model")
        self.ports: dict[str, int] = {}
        lengths = {workload.length for workload in plan.workloads}
        self.texts = {length: texts_of(length, self.bundle.features) for length in lengths}
        self.probs = {length: expected(self.bundle, texts) for length, texts in self.texts.items()}

    def parts(self, pythons: Mapping[str, Path]) -> list[Any]:
        found = []
        for name, python in pythons.items():
            if name != RAW:
                self.ports[name] = free_port()
                place = Place(python, self.model, self.folder / name, self.ports[name], self.plan.cores)
                found.append(SERVERS[name].part(name, place, self._ours(name)))
        return found

    def wait_until_ready(self, running: Mapping[str, Running]) -> None:
        """Wait for each in turn, and let it sleep then."""
        for name, each in running.items():
            each.wait_until_ready(self.ports[name], SERVERS[name].ready)
            each.sleep()

    def served(self, workload: Workload, name: str, running: Running) -> dict[str, Any]:
        """Measure a server's capacity, and what it does at shares of it."""
        seconds = self.plan.seconds
        self._ask(workload, name, running, lambda load: load.closed(workload.connections, WARM_SHARE * seconds))
        capacity = self._ask(workload, name, running, lambda load: load.closed(workload.connections, seconds))
        per_second = capacity["texts_per_second"] / workload.texts
        loads = {str(percent): self._ask(workload, name, running, partial(
            PreparedLoad.arriving, connections=workload.connections, per_second=per_second * percent / 100,
            seconds=seconds), seed=percent) for percent in self.plan.loads}
        return {"capacity": capacity, "loads": loads}

    def alone(self, workload: Workload) -> dict[str, Any]:
        """Measure ONNX Runtime alone on the largest batches that so many texts at once can make."""
        at_once = workload.texts * workload.connections
        lanes = min(self.plan.cores, at_once)
        batch_texts = min(math.ceil(at_once / lanes), MOST_BATCH_TEXTS)
        texts_file = self.folder / "texts.json"
        texts_file.write_text(json.dumps(self.texts[workload.length]), encoding="utf-8")
        command = [sys.executable, "-m", "infra.bench.peers.raw_ort", self.stage.store.root, self.bundle.digest,
                   str(texts_file), str(batch_texts), str(lanes), "1", str(self.plan.seconds)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return {"capacity": rounded(found), "loads": {}, "batch_texts": batch_texts}

    def _ask(self, workload: Workload, name: str, running: Running, run: Callable[[PreparedLoad], Any],
             seed: int = 0) -> dict[str, Any]:
        server = SERVERS[name]
        load = PreparedLoad(self.ports[name], server.path, requests_of(self.texts[workload.length], workload.texts),
                            server.body, server.read, self.probs[workload.length], seed)
        before = running.cpu_seconds()
        outcome: Outcome = asyncio.run(run(load))
        if not outcome.latencies_ms:
            raise HyperMatchError(f"{name} answered nothing{running.last_line()}", f"leave {name} out of --against")
        n_texts = len(outcome.latencies_ms) * workload.texts
        return rounded({
            "texts_per_second": n_texts / outcome.seconds,
            "cpu_ms_per_text": 1_000 * (running.cpu_seconds() - before) / n_texts,
            **{f"p{percent:g}_ms": outcome.percentile_ms(percent) for percent in (50, 99, 99.9)},
            "memory_mib": running.memory_mib(), "requests": len(outcome.latencies_ms), "failed": outcome.failed,
            "wrong": outcome.mixed})

    def _ours(self, name: str) -> dict[str, str]:
        """Return what our own server is told: as many lanes of one thread as a peer has workers of one."""
        return {} if name != OURS else {
            **self.stage.environment, "HYPERMATCH_SERVING_PORT": str(self.ports[name]),
            "HYPERMATCH_SERVING_RUNS_AT_ONCE": str(self.plan.cores), "HYPERMATCH_SERVING_THREADS": "1",
            "HYPERMATCH_SERVING_BROKERS": ""}


def lay_out(bundle: Bundle, folder: Path) -> Path:
    """Write the bundle as peers read it."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(whole_of(bundle))
    (folder / "tokenizer.json").write_bytes(bundle.features)
    (folder / "labels.json").write_text(json.dumps(bundle.labels), encoding="utf-8")
    return folder


def expected(bundle: Bundle, texts: Sequence[str]) -> Probs:
    """Compute in this process what every server must answer."""
    probs, _ = Predictor.load(bundle, ["CPUExecutionProvider"], threads=1).probs(texts)
    return {text: dict(zip(bundle.labels, map(float, row), strict=True))
            for text, row in zip(texts, probs, strict=True)}


def rounded(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()}
