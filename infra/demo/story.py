"""The story of the demo: few labels, a first model, traffic, and a better model that learned from the traffic alone."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from infra.broker import API_VERSION
from infra.demo.cast import deal
from infra.demo.person import ACTOR, DemoFailed, Person
from infra.demo.report import Report
from infra.demo.traffic import Client, SteadyLoad, Tally, ask_all, get, stream_texts, wait_until_ready
from infra.parts import machine_parts
from infra.supervisor import Supervisor
from ingest.bank import DataBank
from ingest.dead_letters import stored
from ingest.settings import IngestSettings
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database, write
from registry.tables import ModelVersion, Part
from registry.tasks import create_task
from serving.predictor import Predictor

TASK = "banking"
SEED = 20_26
ENDPOINT_SHARE = 3                                    # every third text of the traffic comes through the endpoint
N_REPEATS = 200                                       # texts that a retrying producer sends twice
UNREADABLE = (b"not json", b'{"id": "x"}', b"\xff\xfe", b'{"id": "y", "text": 5}')
N_LOAD_TEXTS = 64
LOAD_PER_SECOND = 25
PATIENCE_SECONDS = 120


class Story:
    """One telling of the demo below `folder`; each chapter says what it does and proves that it happened."""

    def __init__(self, folder: Path, environment: Mapping[str, str], port: int) -> None:
        self.folder, self.port, self.started = folder, port, time.monotonic()
        self.broker = environment["HYPERMATCH_INGEST_BROKERS"]
        migrate(environment["HYPERMATCH_REGISTRY_URL"])
        self.engine = open_database(environment["HYPERMATCH_REGISTRY_URL"])
        self.store = ArtifactStore(environment["HYPERMATCH_REGISTRY_ARTIFACTS"])
        self.bank = DataBank(environment["HYPERMATCH_INGEST_BANK"])
        self.supervisor = Supervisor(machine_parts(environment), folder / "logs", click.echo)
        self.client = Client(port, TASK, Tally())
        self.person = Person(self.engine, TASK, self.supervisor.tend)
        self.cast = deal(SEED)
        self.load_texts = [text for text, _ in self.cast.gate[:N_LOAD_TEXTS]]
        self.n_streamed = 0
        self.accuracy: dict[str, float] = {}
        self.swap_seconds: dict[str, float] = {}
        self.learning: dict[str, Any] = {}

    def tell(self) -> Report:
        """Tell all chapters; the processes must be running."""
        self.label_a_little()
        self.serve_the_first_model()
        self.stream_the_traffic()
        self.learn_from_the_traffic()
        return self.count_everything()

    def label_a_little(self) -> None:
        chapter(1, f"a person labels {len(self.cast.first_labels)} texts to learn from and {len(self.cast.gate)} "
                   "to judge by")
        with write(self.engine) as session:
            create_task(session, TASK, self.cast.labels, actor=ACTOR, now=datetime.now(UTC))
        self.person.label(self.cast.first_labels, Part.TRAIN, "first labels")
        self.person.label(self.cast.gate, Part.GATE, "gate set")

    def serve_the_first_model(self) -> None:
        chapter(2, "the trainer makes v1, a person approves it, the server answers with it")
        self.person.ask_for_a_run()
        self.approve(self.person.wait_for_candidate(1))
        if not wait_until_ready(self.port, PATIENCE_SECONDS):
            raise DemoFailed("the server did not become ready", f"see {self.folder}/logs/serving.log")

    def stream_the_traffic(self) -> None:
        chapter(3, "traffic flows in, through Kafka and through the prediction endpoint")
        texts = [text for text, _ in self.cast.traffic]
        through_kafka = [text for i, text in enumerate(texts) if i % ENDPOINT_SHARE]
        self.n_streamed = stream_texts(self.broker, TASK, through_kafka, repeats=through_kafka[:N_REPEATS],
                                       unreadable=UNREADABLE)
        ask_all(self.client, texts[::ENDPOINT_SHARE], per_request=8, describe="ask for predictions")

    def learn_from_the_traffic(self) -> None:
        chapter(4, "nobody labels anything more: the trainer notices the new texts and learns from them; v2 is gated, "
                   "approved and hot-swapped while requests keep coming")
        with SteadyLoad(self.client, self.load_texts, LOAD_PER_SECOND, SEED):
            version = self.person.wait_for_candidate(2)
            self.learning = version.evaluation["learning"] | {"head": version.evaluation["head"]}
            click.echo(f"   {self.learning['reason']}")
            self.measure(1)
            self.approve(version)
            self.measure(2)

    def approve(self, version: ModelVersion) -> None:
        """Approve and promote a version, and wait until the server answers with it."""
        self.client.expected[version.number] = self.expected_answers(version)
        click.echo(f"   v{version.number} passed the gate with accuracy {version.evaluation['accuracy']['value']:.3f}; "
                   "approved and promoted")
        promoted_at = time.monotonic()
        self.person.promote(version.number)
        self.wait_until(lambda: self.served_version() == version.number, f"the server never served v{version.number}")
        self.swap_seconds[str(version.number)] = round(time.monotonic() - promoted_at, 2)

    def expected_answers(self, version: ModelVersion) -> dict[str, dict[str, float]]:
        """Compute in this process what `version` must answer, to recognize an answer of another."""
        bundle = load_bundle(self.store, version.digest)
        probs, _ = Predictor.load(bundle, ["CPUExecutionProvider"], threads=1).probs(self.load_texts)
        return {text: dict(zip(bundle.labels, map(float, row), strict=True))
                for text, row in zip(self.load_texts, probs, strict=True)}

    def measure(self, number: int) -> None:
        """Measure the accuracy on the test split through HTTP."""
        told = ask_all(self.client, [text for text, _ in self.cast.test], per_request=16, describe=f"test v{number}")
        right = sum(label == truth for label, (_, truth) in zip(told, self.cast.test, strict=True))
        self.accuracy[str(number)] = round(right / len(told), 4)

    def count_everything(self) -> Report:
        """Wait until ingest banked all that was sent, then count."""
        chapter(5, "everything sent is in the bank, once")
        tally = self.client.tally
        n_messages = self.n_streamed + len(UNREADABLE) + tally.texts
        self.wait_until(lambda: sum(self.bank.offsets().values()) >= n_messages, "ingest did not bank all texts")
        n_sent, n_banked = self.n_streamed + tally.texts, int(self.bank.stats()["rows"])
        return Report(seconds=round(time.monotonic() - self.started, 1), texts_sent=n_sent, texts_banked=n_banked,
                      duplicates=n_sent - n_banked, dead_letters=self.n_dead_letters(),
                      requests=tally.requests, failed_requests=tally.failed, mixed_answers=tally.mixed,
                      versions_served=sorted(tally.versions), accuracy=self.accuracy,
                      labels=len(self.cast.first_labels),
                      unlabeled_texts=int(self.learning["head"].get("unlabeled_texts", 0)),
                      unlabeled_gain=round(self.accuracy["2"] - self.accuracy["1"], 4),
                      swap_seconds=self.swap_seconds)

    def n_dead_letters(self) -> int:
        settings = IngestSettings(brokers=self.broker, broker_api_version=API_VERSION)
        return sum(1 for _ in stored(settings))

    def served_version(self) -> int | None:
        """Return the version that answers now."""
        told = (json.loads(get(self.port, "/v1/info") or "{}").get("tasks") or {}).get(TASK)
        return None if told is None else int(told["version_number"])

    def wait_until(self, is_true: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_true():
            if time.monotonic() > deadline:
                raise DemoFailed(f"{complaint} within {PATIENCE_SECONDS} s", f"see {self.folder}/logs")
            self.supervisor.tend()
            time.sleep(0.1)


def chapter(number: int, title: str) -> None:
    click.secho(f"\n{number}. {title}", bold=True)
