"""Counts each task's rows by when they were banked, and remembers what each file holds: only new files are read."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

import numpy as np
from deltalake import DeltaTable

from ingest.bank.bank import DataBank
from ingest.bank.commits import DataFile, data_files, read_file
from ingest.bank.moments import Moments, moments_of
from ingest.bank.tables import mended, open_table
from ingest.errors import BankError, VersionGone

N_ATTEMPTS = 5                                        # a file may be erased between Delta's log and its reading
OPEN_FILES = 4                                        # whose moments are held, megabytes each
OLD_ANSWERS = 65_536                                  # held beside: moments of bank versions, and parts of files
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
Answer = TypeVar("Answer")


class Tally:
    """How many rows each task has in the bank, for who asks about every task again and again.

    From one `renew` to the next all answers are of one bank version, and the same that DataBank gives of it;
    only a file that is erased in between moves it on. Files never change: what was counted of one holds until
    compaction, forgetting or retention takes it out of the bank. 4 bytes for each task and file; for one thread.
    """

    def __init__(self, bank: DataBank) -> None:
        self.bank = bank
        self._table: DeltaTable | None = None         # kept open: only the commits since the last look are read
        self._is_current, self._version = False, -1   # the bank version that is counted
        self._files: list[DataFile] = []              # in the order they were banked
        self._first_at = np.empty(0, np.int64)        # microseconds, of each file
        self._numbers: dict[str | None, int] = {}     # of tasks; None of rows without one
        self._held: dict[str, np.ndarray] = {}        # path -> rows of each task, by its number
        self._n_rows = np.empty((0, 0), np.uint32)    # the same of all files, (n_files, n_tasks)
        self._committed_at = lru_cache(OLD_ANSWERS)(self._moment_of)
        self._moments = lru_cache(OPEN_FILES)(self._read)
        self._n_later = lru_cache(OLD_ANSWERS)(self._count_later)

    def renew(self) -> None:
        """Let the next question look at the newest bank version."""
        self._is_current = False

    @property
    def version(self) -> int | None:
        """The bank version that is counted; None for a bank that nothing was banked in."""
        return self._settled(lambda: None if self._table is None else self._version)

    def n_texts(self, task: str, since_version: int | None = None, made_at: datetime | None = None) -> int:
        """Count the rows of `task` or of none banked after bank version `since_version`, as `DataBank.n_texts` does.

        Where Delta's log no longer reaches back to it, those banked after `made_at` count; raises VersionGone without.
        """
        return self._settled(lambda: self._count(task, since_version, made_at))

    def days(self) -> dict[str, dict[date, int]]:
        """Count the rows of each task by the day they were banked on; those without a task are left out."""
        return self._settled(self._count_days)

    def _settled(self, answer: Callable[[], Answer]) -> Answer:
        for _ in range(N_ATTEMPTS):
            try:
                if not self._is_current:
                    self._bring_up()
                return answer()
            except BankError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                self.renew()
        raise BankError(f"the bank at {self.bank.url} was rewritten all the while", "see what else rewrites it")

    def _bring_up(self) -> None:
        table, self._table = self._table, None        # whatever fails, the next question opens the bank anew
        self._table = newest(table, self.bank)
        if self._table is None:
            self._lay_out([], -1)
        elif self._table.version() != self._version:
            files = data_files(self._table)
            for file in files:
                if file.path not in self._held:
                    self._held[file.path] = self._by_number(self._moments(file.path))
            self._lay_out(files, self._table.version())
        self._is_current = True

    def _lay_out(self, files: list[DataFile], version: int) -> None:
        self._files, self._version = files, version
        self._held = {file.path: self._held[file.path] for file in files}
        self._first_at = np.array([microseconds(file.first_at) for file in files], np.int64)
        self._n_rows = np.zeros((len(files), len(self._numbers)), np.uint32)
        for row, file in enumerate(files):
            held = self._held[file.path]
            self._n_rows[row, : len(held)] = held

    def _by_number(self, moments: Moments) -> np.ndarray:
        numbers = [self._numbers.setdefault(task, len(self._numbers)) for task in moments.tasks]
        n_rows = np.zeros(len(self._numbers), np.uint32)
        n_rows[numbers] = moments.n_rows_of_each()
        return n_rows

    def _count(self, task: str, since_version: int | None, made_at: datetime | None) -> int:
        after = None if since_version is None or self._table is None else self._committed_at(since_version, made_at)
        begin = 0 if after is None else bisect_right(self._files, after + MICROSECOND, key=lambda file: file.end_at)
        numbers = [self._numbers[name] for name in (task, None) if name in self._numbers]
        n_rows = self._n_rows[begin:, numbers].sum(axis=1, dtype=np.int64)
        if after is None:
            return int(n_rows.sum())
        is_later = self._first_at[begin:] > microseconds(after)      # where not, some of the file's rows may be
        parts = [self._files[begin + row].path for row in np.flatnonzero(~is_later & (n_rows > 0))]
        return int(n_rows[is_later].sum()) + sum(self._n_later(path, task, after) for path in parts)

    def _count_days(self) -> dict[str, dict[date, int]]:
        found: dict[str, dict[date, int]] = {}
        days = np.array([file.day for file in self._files], "datetime64[D]")
        for day in np.unique(days):
            n_rows = self._n_rows[days == day].sum(axis=0, dtype=np.int64)
            for task, number in self._numbers.items():
                if task is not None and n_rows[number]:
                    found.setdefault(task, {})[day.item()] = int(n_rows[number])
        return found

    def _moment_of(self, version: int, made_at: datetime | None) -> datetime | None:
        try:
            return self.bank.committed_at(version)
        except VersionGone:
            if made_at is None:
                raise
            return made_at

    def _count_later(self, path: str, task: str, after: datetime) -> int:
        moments = self._moments(path)
        return sum(moments.n_later(name, microseconds(after)) for name in (task, None))

    def _read(self, path: str) -> Moments:
        assert self._table is not None
        with mended(self.bank.url):
            return moments_of(read_file(self._table, self.bank.options, path, None, ["task", "banked_at"]))


def newest(table: DeltaTable | None, bank: DataBank) -> DeltaTable | None:
    """Return the newest snapshot; of a table that is open only the commits since then are read."""
    if table is None:
        return open_table(bank.url, bank.options)
    with mended(bank.url):
        table.update_incremental()
    return table


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
