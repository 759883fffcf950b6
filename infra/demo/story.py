"""The story of the demo: few labels, a first model, traffic, a better model, classes never seen, and a grown one."""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from infra.broker import API_VERSION
from infra.demo.cast import LabeledRow, deal
from infra.demo.lookout import Lookout, novelty_rate
from infra.demo.naming import Verdict
from infra.demo.person import ACTOR, DemoFailed, Person
from infra.demo.report import Report
from infra.demo.traffic import Client, SteadyLoad, Tally, ask_all, get, stream_texts, wait_until_ready
from infra.parts import machine_parts
from infra.supervisor import Supervisor
from infra.tables import echo_table
from ingest.bank import DataBank
from ingest.dead_letters import stored
from ingest.settings import IngestSettings
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database, write
from registry.tables import ModelVersion, Part
from registry.tasks import create_task
from serving.predictor import Predictor
from trainer.drift.recipe import DriftRecipe

TASK = "banking"
SEED = 20_26
N_NEWCOMERS = 12                                      # classes of the 77 that come half way
TEST_PER_CLASS = 20                                   # all 40 of each, asked three times, would take a minute
FIRST_TEXTS = 4_000                                   # of the traffic, that v2 learns from
CALM_WINDOWS = (1_060, 540)                           # texts more than a window: neighbors may repeat themselves
MIXED_TEXTS, MOST_MIXED = 720, 3                      # per window; windows at most
NEW_PER_WINDOW = 480                                  # texts of newcomers: with half as many, 5 of 12 were proposed
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
        self.cast = deal(SEED, n_newcomers=N_NEWCOMERS, test_per_class=TEST_PER_CLASS)
        self.rest = list(self.cast.traffic)           # what was not streamed yet
        self.load_texts = [text for text, _ in self.cast.gate[:N_LOAD_TEXTS]]
        self.n_streamed = 0
        self.accuracy: dict[str, dict[str, float]] = {"all": {}, "old": {}, "new": {}}       # by version
        self.swap_seconds: dict[str, float] = {}
        self.learning: dict[str, Any] = {}
        self.verdicts: list[Verdict] = []
        self.n_calm = self.calm_version = 0           # looks and bank version when the newcomers came

    def tell(self) -> Report:
        """Tell all chapters; the processes must be running."""
        self.label_a_little()
        self.serve_the_first_model()
        self.stream_the_traffic()
        self.learn_from_the_traffic()
        self.stream_more()
        self.meet_newcomers()
        self.learn_their_names()
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
        self.stream(self.take(FIRST_TEXTS), UNREADABLE, N_REPEATS)

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

    def stream_more(self) -> None:
        chapter(5, "traffic goes on as before: the trainer compares each window with what v2 learned beside")
        since = self.bank.version or 0
        self.lookout = Lookout(self.engine, self.bank, TASK, DriftRecipe().window_texts, since)
        for n_texts in CALM_WINDOWS:
            self.stream_window(self.take(n_texts))
        self.n_calm, self.calm_version = len(self.lookout.checks), self.bank.version or 0

    def meet_newcomers(self) -> None:
        chapter(6, f"half way, most texts are of {len(self.cast.new_labels)} classes that nobody named: the trainer "
                   "has to notice, and to propose them")
        newcomers, generator = list(self.cast.newcomers), random.Random(SEED)
        for _ in range(MOST_MIXED):
            known = self.take(MIXED_TEXTS - NEW_PER_WINDOW)
            mixed, newcomers = [*newcomers[:NEW_PER_WINDOW], *known], newcomers[NEW_PER_WINDOW:]
            generator.shuffle(mixed)
            self.stream_window(mixed)
            if self.lookout.leads_to_discovery():
                self.wait_until(lambda: self.lookout.discovery() is not None, "nothing was discovered")
                return
        raise DemoFailed("drift never led to discovery", f"see {self.folder}/logs/trainer.log")

    def learn_their_names(self) -> None:
        run = self.lookout.discovery()
        click.echo(f"   {run.outcome if run else ''}")
        chapter(7, "a person reads the proposals and names them; v3 knows the new classes, is gated, approved and "
                   "hot-swapped while requests keep coming")
        self.verdicts = self.person.decide_on_proposals(self.cast.truth)
        show(self.verdicts)
        with SteadyLoad(self.client, self.load_texts, LOAD_PER_SECOND, SEED):
            self.approve(self.person.wait_for_candidate(3))
            self.measure(3)

    def take(self, n_texts: int) -> list[LabeledRow]:
        """Return the next rows of the traffic."""
        taken, self.rest = self.rest[:n_texts], self.rest[n_texts:]
        return taken

    def stream(self, rows: Sequence[LabeledRow], unreadable: Sequence[bytes] = (), n_repeats: int = 0) -> None:
        """Send every third text through the endpoint, the others through Kafka, some of them twice."""
        texts = [text for text, _ in rows]
        through_kafka = [text for i, text in enumerate(texts) if i % ENDPOINT_SHARE]
        self.n_streamed += stream_texts(self.broker, TASK, through_kafka, repeats=through_kafka[:n_repeats],
                                        unreadable=unreadable)
        ask_all(self.client, texts[::ENDPOINT_SHARE], per_request=8, describe="ask for predictions")

    def stream_window(self, rows: Sequence[LabeledRow]) -> None:
        """Stream texts and wait until they are banked and the trainer has looked at them."""
        n_before = len(self.lookout.checks)
        self.stream(rows)
        self.wait_until(self.is_banked, "ingest did not bank all texts")
        self.wait_until(lambda: self.lookout.has_looked(n_before), "the trainer did not look for drift")

    def is_banked(self) -> bool:
        """Say whether ingest has banked, or set aside, all that was sent."""
        n_messages = self.n_streamed + len(UNREADABLE) + self.client.tally.texts
        return sum(self.bank.offsets().values()) >= n_messages

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
        """Measure accuracies on test texts through HTTP; none of them is banked, so that nothing learns from them."""
        told = ask_all(self.client, [text for text, _ in self.cast.test], per_request=16, describe=f"test v{number}",
                       is_banked=False)
        is_right = [label == truth for label, (_, truth) in zip(told, self.cast.test, strict=True)]
        is_new = [truth in self.cast.new_labels for _, truth in self.cast.test]
        for kind, counts in (("all", (True, False)), ("old", (False,)), ("new", (True,))):
            kept = [right for right, new in zip(is_right, is_new, strict=True) if new in counts]
            self.accuracy[kind][str(number)] = round(sum(kept) / len(kept), 4)

    def count_everything(self) -> Report:
        """Wait until ingest banked all that was sent, then count."""
        chapter(8, "everything sent is in the bank, once")
        tally = self.client.tally
        self.wait_until(self.is_banked, "ingest did not bank all texts")
        n_sent, n_banked = self.n_streamed + tally.texts, int(self.bank.stats()["rows"])
        return Report(seconds=round(time.monotonic() - self.started, 1), texts_sent=n_sent, texts_banked=n_banked,
                      duplicates=n_sent - n_banked, dead_letters=self.n_dead_letters(),
                      requests=tally.requests, failed_requests=tally.failed, mixed_answers=tally.mixed,
                      versions_served=sorted(tally.versions), accuracy=self.accuracy["all"],
                      accuracy_old_classes=self.accuracy["old"], accuracy_new_classes=self.accuracy["new"],
                      **self.what_was_noticed(), labels=len(self.cast.first_labels),
                      unlabeled_texts=int(self.learning["head"].get("unlabeled_texts", 0)),
                      unlabeled_gain=round(self.accuracy["old"]["2"] - self.accuracy["old"]["1"], 4),
                      swap_seconds=self.swap_seconds)

    def what_was_noticed(self) -> dict[str, Any]:
        """Return the part of the report that is about drift, discovery and the new classes."""
        before, after = self.lookout.checks[: self.n_calm], self.lookout.checks[self.n_calm :]
        first = next(check for check in after if check.is_alarm)
        n_since = self.lookout.n_texts_since
        return {
            "windows_before": len(before), "false_alarms_before": sum(check.is_alarm for check in before),
            "alarm_after_texts": n_since(self.calm_version) - n_since(first.bank_version),
            "novelty_rate": {"before": novelty_rate(before), "alarm": novelty_rate([first])},
            "proposals": len(self.verdicts), "new_classes": len(self.cast.new_labels),
            "accepted": sum(verdict.said == "accepted" for verdict in self.verdicts)}

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


def show(verdicts: Sequence[Verdict]) -> None:
    """Tell what the person made of each proposal."""
    echo_table(["proposed as", "texts", "is", "share of exemplars", "decision"],
               [[each.proposed, each.n_texts, each.label, f"{each.share:.2f}", each.said] for each in verdicts])


def chapter(number: int, title: str) -> None:
    click.secho(f"\n{number}. {title}", bold=True)
