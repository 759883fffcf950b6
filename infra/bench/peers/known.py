"""The servers that the benchmark knows: how each is started, asked and read."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.bench.serving_stage import TASK
from infra.parts import free_port
from infra.supervisor import Part
from registry.errors import HyperMatchError

OURS, RAW = "hypermatch", "raw-ort"                   # ONNX Runtime alone: no server, nobody asks it
Told = list[tuple[str, float]]                        # label and confidence of each text
BATCHING = {"max_batch_size": 8, "max_batch_time": 0.005}                     # of MLServer


@dataclass(frozen=True)
class Place:
    """Where a server runs: its Python, the model's folder, a folder of its own, its port and the cores it may use."""

    python: Path
    model: Path
    own: Path
    port: int
    cores: int

    @property
    def environment(self) -> dict[str, str]:
        """What the deployments read; one thread for each of as many workers as cores."""
        return {"PEER_FOLDER": str(self.model), "PEER_THREADS": "1", "PEER_WORKERS": str(self.cores),
                "PEER_PORT": str(self.port), "PYTHONPATH": str(Path(__file__).parents[3]),
                "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(self.own / "bentoml"),
                "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Server:
    """How one tool is started, asked and read."""

    command: Callable[[Place], Sequence[str]]
    ready: str                                        # answers 200 once texts are answered
    path: str
    body: Callable[[Sequence[str]], Any] = field(default=lambda texts: {"texts": texts})
    read: Callable[[Any], Told] = field(default=lambda answer: _rows(answer["predictions"]))
    is_separate: bool = False                         # has an environment of its own

    def part(self, name: str, place: Place, environment: Mapping[str, str]) -> Part:
        return Part(name, self.command(place), {**place.environment, **environment})


def chosen(names: Sequence[str]) -> list[str]:
    """Return ours and the named peers, each once; raises HyperMatchError on a name that nobody has."""
    known = [RAW, *(name for name in SERVERS if name != OURS)]
    for name in names:
        if name not in known:
            raise HyperMatchError(f"there is no peer {name!r}", f"choose among {', '.join(known)}")
    return list(dict.fromkeys([OURS, *names]))


def _mlserver(place: Place) -> Sequence[str]:
    """Write the settings that MLServer reads from its folder, and start it there."""
    settings = {"host": "127.0.0.1", "http_port": place.port, "grpc_port": free_port(), "metrics_port": free_port(),
                "parallel_workers": place.cores, "metrics_dir": str(place.own), "debug": False}
    model = {"name": TASK, "implementation": "infra.bench.peers.mlserver_runtime.Runtime", **BATCHING}
    place.own.mkdir(parents=True, exist_ok=True)
    (place.own / "settings.json").write_text(json.dumps(settings))
    (place.own / "model-settings.json").write_text(json.dumps(model))
    return str(place.python.with_name("mlserver")), "start", str(place.own)


def _inference(texts: Sequence[str]) -> dict[str, Any]:
    return {"inputs": [{"name": "texts", "shape": [len(texts), 1], "datatype": "BYTES", "data": list(texts)}]}


def _inferred(answer: Any) -> Told:
    told = {output["name"]: output["data"] for output in answer["outputs"]}
    return list(zip(told["label"], told["confidence"], strict=True))


def _rows(rows: Any) -> Told:
    return [(row["label"], row["confidence"]) for row in rows]


SERVERS = {
    OURS: Server(lambda place: (str(place.python), "-m", "infra", "serve"), "/readyz", f"/v1/tasks/{TASK}/predict"),
    "bentoml-batchable": Server(
        lambda place: (str(place.python), "-m", "bentoml", "serve", "infra.bench.peers.bentoml_batchable:Batchable",
                       "--host", "127.0.0.1", "--port", str(place.port)),
        "/readyz", "/predict", read=_rows),
    "litserve": Server(lambda place: (str(place.python), "-m", "infra.bench.peers.litserve_api"),
                       "/health", "/predict", is_separate=True),
    "mlserver": Server(_mlserver, f"/v2/models/{TASK}/ready", f"/v2/models/{TASK}/infer", _inference, _inferred,
                       is_separate=True),
}
