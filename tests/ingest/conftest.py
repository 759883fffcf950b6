"""Fixtures of the ingest tests: brokers, banks, and real ingest processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from infra.broker import Broker, start_broker
from ingest.bank import DataBank
from ingest.connection import connect_producer
from ingest.normalization import hash_all
from ingest.prepare import same, table
from ingest.settings import IngestSettings
from tests.conftest import require
from tests.servers.kafka import Kafka, is_available, started

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def embedded_broker() -> Iterator[Broker]:
    with start_broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    require(is_available(), "Java 17+ and Maven (they fetch Apache Kafka by infra/kafka/pom.xml)")
    with started(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


@pytest.fixture
def bank(tmp_path: Path) -> DataBank:
    return DataBank(str(tmp_path / "bank"))


@pytest.fixture
def rows_of() -> Callable[..., pa.Table]:
    return make_rows


def make_rows(texts: list[str], *, begin: int = 0, task: str | None = None, source: str | None = "s",
              subject: str | None = None, now: datetime = NOW, partition: int = 0) -> pa.Table:
    """Return rows as ingest would bank them."""
    n, nothing = len(texts), pa.nulls(len(texts))
    return table({
        "id": [f"id-{partition}-{begin + number}" for number in range(n)], "text": texts,
        "text_hash": hash_all(pa.array(texts, pa.string())),
        "task": [task] * n, "source": [source] * n, "subject": [subject] * n, "at": [now] * n, "kind": same("text", n),
        "label": nothing, "confidence": nothing, "novelty": nothing, "model_version": nothing, "label_space": nothing,
        "topic": same("t", n), "partition": same(partition, n), "offset": list(range(begin, begin + n))}, now)


class Deployment:
    """A folder, its environment, and the real processes that bank into it."""

    def __init__(self, folder: Path, registry_url: str, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {
            "HYPERMATCH_REGISTRY_URL": registry_url, "HYPERMATCH_INGEST_BANK": str(folder / "bank"),
            "HYPERMATCH_INGEST_FLUSH_SECONDS": "0.2", "HYPERMATCH_INGEST_N_WORKERS": "0",
            "HYPERMATCH_INGEST_HEARTBEAT_SECONDS": "0.5", "OMP_NUM_THREADS": "1", **environment}
        self.bank = DataBank(str(folder / "bank"))
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def settings(self) -> IngestSettings:
        return IngestSettings(**{name.removeprefix("HYPERMATCH_INGEST_").lower(): value
                                 for name, value in self.environment.items() if "_INGEST_" in name})

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"log-{len(self.processes)}").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "infra", "ingest", "run"], stderr=log, stdout=log,
                                       env={**os.environ, **self.environment, **environment})
        self.processes.append(process)
        return process

    def command(self, *arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "infra", *arguments], env={**os.environ, **self.environment},
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self, number: int = 0) -> str:
        return (self.folder / f"log-{number}").read_text()

    def send(self, values: Iterable[bytes | dict[str, Any]], topic: str | None = None) -> None:
        producer, topic = connect_producer(self.settings), topic or self.settings.texts_topic
        for value in values:
            content = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
            producer.send(topic, content)
        producer.flush()
        producer.close()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()

    def stop(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        process.send_signal(number)
        return process.wait(30)

    def stop_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)


@pytest.fixture
def deploy(tmp_path: Path, registry_url: str) -> Iterator[Callable[..., Deployment]]:
    """Return a function that makes a deployment; its processes end with the test."""
    made: list[Deployment] = []

    def make(environment: dict[str, str]) -> Deployment:
        made.append(Deployment(tmp_path, registry_url, environment))
        return made[-1]

    yield make
    for deployment in made:
        deployment.stop_all()


@contextmanager
def within(seconds: float) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Yield a function that waits for a condition until the time is up."""
    until = time.monotonic() + seconds

    def wait_for(condition: Callable[[], bool]) -> None:
        while not condition():
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(0.2)

    yield wait_for
