"""The people of the installation: they label, ask for runs, promote good versions and unknowingly spoiled ones."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlmodel import Session

from infra.demo.cast import deal
from infra.torture.installation import TASK, Installation, TortureImpossible
from registry.artifacts.bundle import BODY, load_bundle
from registry.database import read, write
from registry.errors import HyperMatchError
from registry.labels import import_labels
from registry.lifecycle.promotion import approve, promote, roll_back
from registry.lifecycle.runs import last_run, request_run
from registry.lifecycle.versions import champion_of, list_versions, record_evaluation, record_gate, register_candidate
from registry.tables import ModelVersion, Part, RunState, Stage
from registry.tasks import create_task
from serving.predictor import Predictor

ACTOR, REASON = "torturer", "torture"
N_LABELS, N_TRAIN, N_GATE = 4, 5, 10
PATIENCE_SECONDS = 240
CPU = ["CPUExecutionProvider"]


class People:
    """Acts on the registry as people do; remembers which versions are good and what each of them answers."""

    def __init__(self, installation: Installation, seed: int, texts: Sequence[str]) -> None:
        self.engine, self.store, self.texts = installation.engine, installation.store, texts
        self.cast, self.tend = deal(seed), installation.supervisor.tend
        self.good: dict[int, str] = {}                # version -> digest
        self.spoiled: dict[int, str] = {}
        self.expected: dict[int, dict[str, dict[str, float]]] = {}

    def set_up(self) -> None:
        """Label a little, and have the trainer make two versions that answer differently."""
        labels = self.cast.labels[:N_LABELS]
        with write(self.engine) as session:
            create_task(session, TASK, labels, actor=ACTOR, now=_now())
        self._label(self.cast.gate, Part.GATE, N_GATE)
        for n_train in (N_TRAIN - 2, N_TRAIN):
            self._label(self.cast.first_labels, Part.TRAIN, n_train)
            self.ask_for_a_run()
            self._wait_for_a_run()
            self.adopt()
        if not self.good:
            raise TortureImpossible("the trainer made no version", "see its log")

    def ask_for_a_run(self) -> str:
        return self._try("ask for a run", lambda session: request_run(session, TASK, actor=ACTOR, reason=REASON,
                                                                      now=_now()))

    def adopt(self) -> None:
        """Promote what awaits approval."""
        with read(self.engine) as session:
            waiting = [each for each in list_versions(session, TASK) if each.stage is Stage.AWAITING_APPROVAL]
        for version in reversed(waiting):
            self._learn_answers(version)
            self._try("promote", partial(_promote, number=version.number))

    def swap(self, draw: random.Random) -> str:
        """Promote what the trainer made meanwhile, or go back to an earlier version."""
        try:
            self.adopt()
            with read(self.engine) as session:
                champion = champion_of(session, TASK)
                versions = {each.number for each in list_versions(session, TASK) if each.was_champion}
        except HyperMatchError as error:
            return f"swap: refused, {error.what}"
        others = sorted((versions & set(self.good)) - {champion.number if champion else 0})
        if not others:
            return "swap: there is no other version yet"
        number = draw.choice(others)
        return self._try(f"swap to v{number}", lambda session: roll_back(session, TASK, number, actor=ACTOR,
                                                                         reason=REASON, now=_now()))

    def promote_spoiled(self, draw: random.Random) -> str:
        """Promote a version whose bundle has one flipped byte.

        The encoder's body is left whole: a server that has it open does not read it again.
        """
        digest = self.good[max(self.good)]
        artifact = self.store.load(digest)
        facts = {**artifact.facts, "code_revision": f"spoiled-{draw.randrange(2**32)}"}
        spoiled = self.store.store(artifact.files, facts)
        file = draw.choice(sorted(set(artifact.files) - {BODY}))
        flip_a_byte(Path(self.store.root) / spoiled / file, draw)
        return self._try(f"promote a bundle with a flipped byte in {file}",
                         lambda session: self._promote_bytes(session, spoiled))

    def roll_back(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Leave a spoiled champion for the newest good version; tries once at least, and until patience ends."""
        until = time.monotonic() + patience_seconds
        while True:
            try:
                with write(self.engine) as session:
                    champion = champion_of(session, TASK)
                    if champion is not None and champion.digest in self.good.values():
                        return
                    roll_back(session, TASK, max(self.good), actor=ACTOR, reason=REASON, now=_now())
                return
            except HyperMatchError:
                if time.monotonic() >= until:
                    return
                time.sleep(0.5)
                self.tend()

    def _promote_bytes(self, session: Session, digest: str) -> None:
        version = register_candidate(session, TASK, digest=digest, label_space=1, run_id=None, requested_by=ACTOR,
                                     recipe={}, bank_version=None, code_revision="", n_labels=0, now=_now())
        self.spoiled[version.number] = digest
        record_evaluation(session, version, {}, now=_now())
        record_gate(session, version, {"passed": True, "reasons": [REASON]}, now=_now())
        _promote(session, version.number)

    def _learn_answers(self, version: ModelVersion) -> None:
        predictor = Predictor.load(load_bundle(self.store, version.digest), CPU, threads=1)
        probs, _ = predictor.probs(list(self.texts))
        self.expected[version.number] = {text: dict(zip(predictor.labels, row.tolist(), strict=True))
                                         for text, row in zip(self.texts, probs, strict=True)}
        self.good[version.number] = version.digest

    def _label(self, rows: Sequence[tuple[str, str]], part: Part, per_label: int) -> None:
        by_label: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for text, label in rows:
            by_label[label].append((text, label))
        chosen = [row for label in self.cast.labels[:N_LABELS] for row in by_label[label][:per_label]]
        with write(self.engine) as session:
            import_labels(session, TASK, chosen, part=part, actor=ACTOR, origin=ACTOR, now=_now())

    def _wait_for_a_run(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with read(self.engine) as session:
                run = last_run(session, TASK)
            if run is not None and run.state in (RunState.SUCCEEDED, RunState.FAILED):
                return
            time.sleep(0.5)
            self.tend()
        raise TortureImpossible(f"no run ended within {PATIENCE_SECONDS} s", "see the log of the trainer")

    def _try(self, what: str, act: Callable[[Session], object]) -> str:
        """Act in one transaction; a registry that is away refuses, as it would refuse a person."""
        try:
            with write(self.engine) as session:
                act(session)
        except HyperMatchError as error:
            return f"{what}: refused, {error.what}"
        return what


def _promote(session: Session, number: int) -> None:
    approve(session, TASK, number, actor=ACTOR, reason=REASON, now=_now())
    promote(session, TASK, number, actor=ACTOR, reason=REASON, now=_now())


def flip_a_byte(file: Path, draw: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(bytes(content))


def _now() -> datetime:
    return datetime.now(UTC)
