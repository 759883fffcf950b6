"""One torture from beginning to end: set up, load, break, settle, check."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra import apache_kafka, postgres
from infra.demo.cast import deal
from infra.demo.traffic import wait_until_ready
from infra.torture.faults import LASTING, Faults, Undo
from infra.torture.installation import TASK, Installation, TortureImpossible, installed
from infra.torture.invariants import invariants
from infra.torture.load import Clients, Sender
from infra.torture.people import People
from infra.torture.samples import Samples
from infra.torture.schedule import Planned, schedule
from ingest.health import bank_against_kafka
from registry.database import read
from registry.errors import HyperMatchError
from registry.lifecycle.runs import active_run, requested_run

N_TEXTS = 64
TICK_SECONDS = 0.2
SAMPLE_SECONDS = 5.0
SETTLE_SECONDS = 180.0
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a torture did and found; `broken` is empty where everything held."""

    seed: int
    minutes: float
    faults: dict[str, int] = field(default_factory=dict)
    n_texts: int = 0
    n_poisoned: int = 0
    answered: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    n_not_accepted: int = 0
    n_lost_with_a_killed_server: int = 0
    n_versions: int = 0
    judged_mib: dict[str, list[int]] = field(default_factory=dict)
    settled_seconds: float = 0.0
    broken: dict[str, list[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def torture(minutes: float, seed: int, say: Say, logs: Path | None = None) -> Outcome:
    """Break an installation of our own for `minutes`, let it settle, and return what did not hold.

    The schedule follows from the seed; what the machine's pace decides, such as which instant a
    process is killed in, does not repeat exactly.
    """
    check_possible()
    with throw_away_folder(logs) as folder, installed(folder, say) as installation:
        return Torture(installation, minutes, seed, say).run()


def check_possible() -> None:
    if not apache_kafka.is_available():
        raise TortureImpossible("Apache Kafka cannot be started", "install Java 17+ and Maven")
    if postgres.servers_folder() is None:
        raise TortureImpossible("PostgreSQL cannot be started", "install its server programs (initdb, pg_ctl)")


@contextmanager
def throw_away_folder(logs: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hypermatch-torture-"))
    try:
        yield folder
    finally:
        if logs is not None and (folder / "logs").exists():
            shutil.copytree(folder / "logs", logs, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


class Torture:
    """Runs the schedule against one installation."""

    def __init__(self, installation: Installation, minutes: float, seed: int, say: Say) -> None:
        self.installation, self.seconds, self.say = installation, minutes * 60, say
        texts = [text for text, _ in deal(seed).traffic[:N_TEXTS]]
        self.people = People(installation, seed, texts)
        self.sender = Sender(installation.kafka.address, texts, seed)
        self.clients = Clients(installation.port, texts, seed)
        self.faults = Faults(installation, self.sender, self.people)
        self.samples, self.outcome = Samples(), Outcome(seed, minutes)
        self.undos: list[tuple[float, str, Undo]] = []
        self.begun = time.monotonic()

    def run(self) -> Outcome:
        self.say(f"seed {self.outcome.seed}: setting up")
        self.people.set_up()
        if not wait_until_ready(self.installation.port, SETTLE_SECONDS):
            raise TortureImpossible("the server did not become ready", "see its log")
        self.sender.start()
        self.clients.start()
        self._break()
        self._settle()
        self._check()
        return self.outcome

    def _break(self) -> None:
        kinds = {kind: LASTING[kind] for kind in self.faults.kinds}
        planned, self.begun = schedule(self.outcome.seed, self.seconds, kinds), time.monotonic()
        sampled = 0.0
        while (clock := time.monotonic() - self.begun) < self.seconds:
            while planned and planned[0].at_seconds <= clock:
                self._begin(planned.pop(0), clock)
            self._undo(clock)
            self.installation.supervisor.tend()
            if clock - sampled >= SAMPLE_SECONDS:
                sampled = clock
                self.samples.take(self.installation)
            time.sleep(TICK_SECONDS)
        self._undo(float("inf"))

    def _begin(self, each: Planned, clock: float) -> None:
        if any(kind == each.fault for _, kind, _ in self.undos):
            return                                    # broken already
        said, undo = self.faults.begin(each.fault, each.seed)
        self.outcome.faults[each.fault] = self.outcome.faults.get(each.fault, 0) + 1
        lasting = f" for {each.lasts_seconds:.1f} s" if each.lasts_seconds else ""
        self.say(f"{clock:7.1f} s  {said}{lasting}")
        self.undos.append((clock + each.lasts_seconds, each.fault, undo))

    def _undo(self, clock: float) -> None:
        due = [each for each in self.undos if each[0] <= clock]
        self.undos = [each for each in self.undos if each[0] > clock]
        for _, _, undo in due:
            undo()

    def _settle(self) -> None:
        """Stop the load and wait until nothing is under way; what never settles is for the invariants to name."""
        self.say("settling")
        begun = time.monotonic()
        self.clients.end()
        n_unconfirmed = self.sender.end(SETTLE_SECONDS)
        if n_unconfirmed:
            self.outcome.broken["everything sent is confirmed"] = [f"{n_unconfirmed} messages are not"]
        self.people.roll_back()
        while not self._is_settled() and time.monotonic() - begun < SETTLE_SECONDS:
            self.installation.supervisor.tend()
            time.sleep(1)
        self.outcome.settled_seconds = round(time.monotonic() - begun, 1)

    def _is_settled(self) -> bool:
        try:
            with read(self.installation.engine) as session:
                is_training = active_run(session, TASK) is not None or requested_run(session, TASK) is not None
            standings = bank_against_kafka(self.installation.bank, self.installation.ingest_settings)
        except HyperMatchError:
            return False
        is_ready = wait_until_ready(self.installation.port, 0.5)
        return not is_training and is_ready and all(standing.lag == 0 for standing in standings)

    def _check(self) -> None:
        asked, outcome = self.clients.asked, self.outcome
        checks = invariants(self.installation, self.sender, asked, self.people, self.faults.broken)
        checks["no process holds ever more descriptors or memory"] = self.samples.grown
        for promise, check in checks.items():
            told = check()
            self.say(f"{'BROKEN' if told else 'holds '}  {promise}{': ' if told else ''}{'; '.join(told)}")
            if told:
                outcome.broken[promise] = told
        outcome.n_texts, outcome.n_poisoned = len(self.sender.sent), self.sender.n_poison
        outcome.answered = {f"v{version}": n for version, n in sorted(asked.answered.items())}
        outcome.refused = {str(status): n for status, n in sorted(asked.refused.items())}
        outcome.n_not_accepted = asked.n_not_accepted
        outcome.n_lost_with_a_killed_server = len(asked.lost)
        outcome.n_versions, outcome.judged_mib = len(self.people.good), self.samples.judged_mib
