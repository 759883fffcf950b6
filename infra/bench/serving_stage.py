"""The stage of the serving benchmark: three versions of one task, trained on different labels, in a registry."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from infra.demo.cast import Cast, deal
from infra.parts import state_environment
from ingest.bank import DataBank
from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database, write
from registry.lifecycle.promotion import approve, promote, roll_back
from registry.lifecycle.versions import record_evaluation, record_gate, register_candidate
from registry.tasks import create_task
from trainer.candidate import make
from trainer.materials import LabeledTexts, Materials
from trainer.recipe import Recipe
from trainer.workplace import Workplace

TASK = "bench"
ACTOR, REASON = "bench", "measured"
N_VERSIONS = 3                                        # the one before is still loaded, so every swap to a third loads


class Stage:
    """A registry below `folder` whose champion can be changed at will."""

    def __init__(self, folder: Path, cache: Path, n_versions: int = N_VERSIONS, url: str | None = None) -> None:
        self.n_versions = n_versions
        self.environment = state_environment(folder)
        if url is not None:
            self.environment["HYPERMATCH_REGISTRY_URL"] = url
        migrate(self.environment["HYPERMATCH_REGISTRY_URL"])
        self.engine = open_database(self.environment["HYPERMATCH_REGISTRY_URL"])
        self.store = ArtifactStore(self.environment["HYPERMATCH_REGISTRY_ARTIFACTS"])
        self.workplace = Workplace(engine=self.engine, store=self.store, bank=DataBank(str(folder / "bank")),
                                   cache=cache, worker="bench", code_revision="", now=_now,
                                   lease=timedelta(minutes=5))
        self.digests: dict[int, str] = {}

    def fill(self, recipe: Recipe, report: Callable[[str], None]) -> None:
        """Train the versions and make each of them champion once; the first is champion at the end."""
        casts = [deal(seed) for seed in range(self.n_versions)]
        labels = casts[0].labels
        with write(self.engine) as session:
            create_task(session, TASK, labels, actor="bench", now=_now())
        for number, cast in enumerate(casts, start=1):
            exported, _ = make(self.workplace, _materials(cast, labels), None, recipe, lambda *_: None)
            self.digests[number] = exported.digest
            self._register(exported.digest, recipe)
            report(f"v{number}")
        if self.n_versions > 1:
            self.promote(1)

    def promote(self, number: int) -> None:
        """Make a version that was champion the champion."""
        with write(self.engine) as session:
            roll_back(session, TASK, number, actor=ACTOR, reason=REASON, now=_now())

    def _register(self, digest: str, recipe: Recipe) -> None:
        with write(self.engine) as session:
            version = register_candidate(session, TASK, digest=digest, label_space=1, run_id=None,
                                         requested_by="bench", recipe=recipe.to_dict(), bank_version=None,
                                         code_revision="", n_labels=0, now=_now())
            record_evaluation(session, version, {}, now=_now())
            record_gate(session, version, {"passed": True, "reasons": ["a benchmark needs no gate"]}, now=_now())
            approve(session, TASK, version.number, actor=ACTOR, reason=REASON, now=_now())
            promote(session, TASK, version.number, actor=ACTOR, reason=REASON, now=_now())


def _materials(cast: Cast, labels: list[str]) -> Materials:
    numbers = {label: number for number, label in enumerate(labels)}
    train = LabeledTexts([text for text, _ in cast.first_labels],
                         np.array([numbers[label] for _, label in cast.first_labels]))
    nobody = LabeledTexts([], np.array([], dtype=np.int64))
    return Materials(task=TASK, label_space=1, labels=labels, train=train, gate=nobody, traffic=[], foreign=[],
                     bank_version=None)


def _now() -> datetime:
    return datetime.now(UTC)
