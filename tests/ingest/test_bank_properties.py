"""Whatever writers do in whatever order, the bank holds each offset once, forgets whom it must, and time travels."""

import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingest.bank import DataBank
from ingest.errors import StaleWriter
from tests.ingest.conftest import make_rows

PARTITIONS = st.integers(0, 1)
SUBJECTS = st.sampled_from(["kim", "lee", None])


class Writers(RuleBasedStateMachine):
    """Two writers append to one bank; each may believe what is no longer so."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.banks = [DataBank(f"{self.folder.name}/bank") for _ in range(2)]
        self.offsets, self.texts, self.versions = {}, {}, {}          # a text's subject, a version's rows

    def teardown(self):
        self.folder.cleanup()

    @rule(writer=st.integers(0, 1), partition=PARTITIONS, n=st.integers(1, 3), subject=SUBJECTS)
    def append(self, writer, partition, n, subject):
        place = ("t", partition)
        begin = self.offsets.get(place, 0)
        texts = [f"{partition}-{number}" for number in range(begin, begin + n)]
        rows = make_rows(texts, begin=begin, partition=partition, subject=subject)
        version = self.banks[writer].append(rows, {place: begin + n}, {place: self.offsets.get(place)})
        self.offsets[place] = begin + n
        self.texts |= dict.fromkeys(texts, subject)
        self.versions[version] = len(self.texts)

    @rule(writer=st.integers(0, 1), partition=PARTITIONS, behind=st.integers(1, 3))
    def append_what_another_banked(self, writer, partition, behind):
        place = ("t", partition)
        stands = self.offsets.get(place)
        if stands is None:
            return
        believed = max(stands - behind, 0)
        rows = make_rows([f"late {believed}"], begin=believed, partition=partition)
        with pytest.raises(StaleWriter):
            self.banks[writer].append(rows, {place: believed + 1}, {place: believed})

    @rule(writer=st.integers(0, 1))
    def compact(self, writer):
        if self.texts:
            self.banks[writer].compact()

    @rule(writer=st.integers(0, 1), subject=SUBJECTS.filter(bool))
    def forget(self, writer, subject):
        if self.texts:
            self.banks[writer].forget(subject)
            self.texts = {text: whose for text, whose in self.texts.items() if whose != subject}
            self.versions = {}                        # those before it may have become unreadable

    @invariant()
    def every_text_is_there_once(self):
        for bank in self.banks:
            assert bank.offsets() == self.offsets
            assert sorted(bank.rows()["text"].to_pylist()) == sorted(self.texts)

    @invariant()
    def earlier_versions_stay_what_they_were(self):
        if self.versions:
            version = min(self.versions)
            assert len(self.banks[0].rows(version=version)) == self.versions[version]


TestWriters = Writers.TestCase
TestWriters.settings = settings(max_examples=6, stateful_step_count=10, deadline=None,
                                suppress_health_check=list(HealthCheck))
