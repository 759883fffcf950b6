"""Whatever order people decide in, the registry keeps its promises; decisions are drawn by hypothesis."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from registry import audit
from registry.database import migrate, open_database, read, write
from registry.errors import RegistryError
from registry.lifecycle.aliases import alias_of
from registry.lifecycle.promotion import approve, promote, reject, roll_back, wanted
from registry.lifecycle.stages import MOVES
from registry.lifecycle.versions import list_versions, record_evaluation, record_gate, register_candidate
from registry.tables import AliasName, Stage
from registry.tasks import create_task

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WHO = {"actor": "ann", "reason": "drawn", "now": NOW}


class Decisions(RuleBasedStateMachine):
    """People decide on versions of one task in any order, legal or not."""

    versions = Bundle("versions")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        url = f"sqlite:///{Path(self.folder.name)}/registry.db"
        migrate(url)
        self.engine = open_database(url)
        with write(self.engine) as session:
            create_task(session, "t", ["a", "b"], actor="ann", now=NOW)
        self.stages, self.were_champion = {}, set()

    def teardown(self):
        self.engine.dispose()
        self.folder.cleanup()

    def decide(self, act):
        """Return whether the decision was taken; one that is refused must change nothing."""
        try:
            with write(self.engine) as session:
                act(session)
        except RegistryError:
            with read(self.engine) as session:
                assert {each.number: each.stage for each in list_versions(session, "t")} == self.stages
            return False
        return True

    @rule(target=versions, passes=st.booleans())
    def train(self, passes):
        number = len(self.stages) + 1

        def act(session):
            version = register_candidate(session, "t", digest=f"{number:064x}", label_space=1, run_id=None,
                                         requested_by="ann", recipe={}, bank_version=None, code_revision="",
                                         n_labels=0, now=NOW)
            record_evaluation(session, version, {}, now=NOW)
            record_gate(session, version, {"passed": passes, "reasons": ["drawn"]}, now=NOW)

        assert self.decide(act)
        self.stages[number] = Stage.AWAITING_APPROVAL if passes else Stage.REJECTED
        return number

    @rule(number=versions)
    def approve(self, number):
        is_taken = self.decide(lambda session: approve(session, "t", number, **WHO))
        assert is_taken == (Stage.APPROVED in MOVES[self.stages[number]])
        if is_taken:
            self.stages[number] = Stage.APPROVED

    @rule(number=versions)
    def reject(self, number):
        is_taken = self.decide(lambda session: reject(session, "t", number, **WHO))
        assert is_taken == (Stage.REJECTED in MOVES[self.stages[number]])
        if is_taken:
            self.stages[number] = Stage.REJECTED

    @rule(number=versions)
    def promote(self, number):
        is_taken = self.decide(lambda session: promote(session, "t", number, **WHO))
        assert is_taken == (self.stages[number] is Stage.APPROVED)
        if is_taken:
            self.crown(number)

    @rule(number=versions)
    def roll_back(self, number):
        is_taken = self.decide(lambda session: roll_back(session, "t", number, **WHO))
        assert is_taken == (self.stages[number] is Stage.ARCHIVED and number in self.were_champion)
        if is_taken:
            self.crown(number)

    def crown(self, number):
        for other, stage in self.stages.items():
            if stage is Stage.CHAMPION:
                self.stages[other] = Stage.ARCHIVED
        self.stages[number] = Stage.CHAMPION
        self.were_champion.add(number)

    @invariant()
    def the_registry_agrees(self):
        champions = [number for number, stage in self.stages.items() if stage is Stage.CHAMPION]
        assert len(champions) == bool(self.were_champion)          # one from the first on, never none again
        with read(self.engine) as session:
            assert {each.number: each.stage for each in list_versions(session, "t")} == self.stages
            alias = alias_of(session, "t", AliasName.CHAMPION)
            assert ([] if alias is None else [alias.version_number]) == champions
            assert [each.version_number for each in wanted(session)] == champions
            audit.verify_chain(session)


TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(max_examples=12, stateful_step_count=15, deadline=None,
                                  suppress_health_check=list(HealthCheck))
