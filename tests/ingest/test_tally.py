"""A tally says what the bank says, whatever was appended, compacted, forgotten, retained or vacuumed meanwhile."""

import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingest.bank import DataBank
from ingest.bank.moments import moments_of
from ingest.bank.tally import Tally
from ingest.errors import BankError, VersionGone
from tests.ingest.conftest import NOW, make_rows

TASKS = ["x", "y", "never banked"]
DAY, MILLISECOND = timedelta(days=1), timedelta(milliseconds=1)


def days_of(bank):
    """Return what `days` should say, counted row by row."""
    found = {}
    for row in bank.rows().to_pylist():
        if row["task"] is not None:
            found.setdefault(row["task"], Counter())[row["day"]] += 1
    return found


class Bank(RuleBasedStateMachine):
    """A bank whose clock also goes back, and one tally that lives as long as it."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bank = DataBank(f"{self.folder.name}/bank")
        self.tally, self.now, self.n_rows = Tally(self.bank), NOW, 0

    def teardown(self):
        self.folder.cleanup()

    @rule(texts=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4), task=st.sampled_from(["x", "y", None]),
          subject=st.sampled_from(["kim", None]), later=st.sampled_from([-1.5, 0.0, 0.3, 0.999, 1.0, 40.0, 86_400e3]))
    def append(self, texts, task, subject, later):
        self.now += later * MILLISECOND
        rows = make_rows(texts, begin=self.n_rows, task=task, subject=subject, now=self.now)
        self.n_rows += len(texts)
        self.bank.append(rows, {("t", 0): self.n_rows})

    @rule()
    def compact(self):
        self.bank.compact()

    @rule(subject=st.sampled_from(["kim", "nobody"]))
    def forget(self, subject):
        self.bank.forget(subject)

    @rule(days=st.integers(0, 2))
    def retain(self, days):
        self.bank.retain((self.now - days * DAY).date())

    @rule()
    def vacuum(self):
        self.bank.vacuum(timedelta(0))

    @rule()
    def another_trainer_starts(self):
        self.tally = Tally(self.bank)

    @invariant()
    def the_tally_says_what_the_bank_says(self):
        self.tally.renew()
        newest = self.bank.version
        assert self.tally.version == newest
        for since in [None, *range(0 if newest is None else newest + 1)]:
            for task in TASKS:
                assert self.tally.n_texts(task, since) == self.bank.n_texts(task, since), (task, since)
        assert self.tally.days() == days_of(self.bank)


TestBank = Bank.TestCase
TestBank.settings = settings(max_examples=12, stateful_step_count=12, deadline=None,
                             suppress_health_check=list(HealthCheck))


@pytest.fixture
def read_files(monkeypatch):
    """The files that tallies read, one after the other."""
    paths, read = [], Tally._read
    monkeypatch.setattr(Tally, "_read", lambda tally, path: paths.append(path) or read(tally, path))
    return paths


def test_between_two_renewals_all_answers_are_of_one_bank_version(bank, rows_of):
    tally = Tally(bank)
    assert tally.version is None and tally.n_texts("x") == 0 and tally.days() == {}
    first = bank.append(rows_of(["a"], task="x"), {})
    assert tally.version is None
    tally.renew()
    assert (tally.version, tally.n_texts("x")) == (first, 1)
    bank.append(rows_of(["b"], task="x", begin=1), {})
    assert (tally.version, tally.n_texts("x")) == (first, 1) and tally.days() == {"x": {NOW.date(): 1}}
    tally.renew()
    assert tally.n_texts("x") == 2


def test_a_version_that_came_after_the_count_was_read_has_nothing_new(bank, rows_of):
    bank.append(rows_of(["a"], task="x"), {})
    tally = Tally(bank)
    assert tally.n_texts("x") == 1
    later = bank.append(rows_of(["b"], task="x", begin=1, now=NOW + DAY), {})
    assert tally.n_texts("x", later) == 0 == bank.n_texts("x", later, version=tally.version)


def test_each_file_is_read_once_and_what_compaction_made_of_them_once_more(bank, rows_of, read_files):
    tally = Tally(bank)
    versions = [bank.append(rows_of([f"{number}"], task="x", begin=number, now=NOW + number * MILLISECOND), {})
                for number in range(5)]
    for _ in range(3):
        tally.renew()
        assert [tally.n_texts("x", version) for version in versions] == [4, 3, 2, 1, 0]
    assert len(read_files) == 5
    bank.append(rows_of(["new"], task="y", begin=5, now=NOW + DAY), {})
    tally.renew()
    assert tally.n_texts("y", versions[-1]) == 1 and len(read_files) == 6
    bank.compact()
    tally.renew()
    assert [tally.n_texts("x", version) for version in versions] == [4, 3, 2, 1, 0] and len(read_files) == 7


def test_where_the_log_no_longer_reaches_back_rows_since_a_moment_count(bank, rows_of):
    versions = [bank.append(rows_of([f"{number}"], task="x", begin=number, now=NOW + number * DAY), {})
                for number in range(5)]
    DeltaTable(bank.url).create_checkpoint()          # ... and what Delta does with a log of more than 30 days
    for file in Path(bank.url, "_delta_log").glob("*.json"):
        if int(file.stem) < versions[-1]:
            file.unlink()
    tally = Tally(bank)
    assert tally.n_texts("x", versions[1], NOW + 2.5 * DAY) == 2 and tally.n_texts("x", versions[-1], NOW) == 0
    for asked in (tally, bank):
        with pytest.raises(VersionGone, match="version 2"):
            asked.n_texts("x", versions[1])


def test_a_file_that_is_erased_before_it_was_read_is_looked_for_in_a_newer_version(bank, rows_of, monkeypatch):
    bank.append(rows_of(["a", "b"], task="x", subject="kim"), {})
    bank.append(rows_of(["c"], task="x", begin=2, now=NOW + DAY), {})
    read, forgotten = Tally._read, []

    def read_late(self, path):
        if not forgotten:
            forgotten.append(bank.forget("kim"))
        return read(self, path)

    monkeypatch.setattr(Tally, "_read", read_late)
    assert Tally(bank).n_texts("x") == 1 and forgotten[0].n_rows == 2


def test_a_bank_whose_files_are_lost_is_one_clear_line_and_counts_again_once_they_are_back(bank, rows_of, tmp_path):
    bank.append(rows_of(["a"], task="x"), {})
    tally = Tally(bank)
    day = next(path for path in (tmp_path / "bank").iterdir() if path.name.startswith("day="))
    shutil.move(day, tmp_path / "away")
    with pytest.raises(BankError):
        tally.n_texts("x")
    shutil.move(tmp_path / "away", day)
    assert tally.n_texts("x") == 1


def test_moments_are_those_of_each_task(rows_of):
    rows = [rows_of(["a", "b"], task="x"), rows_of(["c"]), rows_of(["d"], task="x", now=NOW + MILLISECOND)]
    moments = moments_of(pa.concat_tables(rows))
    counted = dict(zip(moments.tasks, moments.n_rows_of_each().tolist(), strict=True))
    after = int(NOW.timestamp() * 1e6)
    assert counted == {"x": 3, None: 1} and moments.n_later("x", after) == 1 and moments.n_later("x", after - 1) == 3
    assert moments.n_later(None, after) == 0 and moments.n_later("y", 0) == 0
    assert np.array_equal(moments_of(rows[0][:0]).n_rows_of_each(), [])
