"""Upkeep of the bank: forget a subject, compact, let old days go, vacuum."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from ingest.bank.extras import extra_rows, predicates, quoted
from ingest.bank.tables import mended, open_table, strings
from ingest.bank.writer import MERGED
from ingest.errors import BankError

N_ATTEMPTS = 20
LONGEST_COMMIT = timedelta(hours=1)            # files younger than this may belong to a commit still under way
Result = TypeVar("Result")
Report = Callable[[date, int, int], None]              # a day, its number, of how many

@dataclass(frozen=True)
class Forgotten:
    """How many rows went, their texts, and the bank versions that held them: `first_version` to before `version`."""

    n_rows: int
    first_version: int | None
    version: int | None
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Compacted:
    """What compaction changed."""

    n_duplicates: int
    n_files_before: int
    n_files_after: int

    def __str__(self) -> str:
        return f"{self.n_duplicates} duplicates dropped, {self.n_files_before} files -> {self.n_files_after}"


@dataclass(frozen=True)
class Retained:
    """How many rows went because of their age, of how many days before `since`."""

    n_rows: int
    n_days: int
    since: date

    def __str__(self) -> str:
        return f"{self.n_rows} rows of {self.n_days} days before {self.since} let go"


def forget(url: str, options: Mapping[str, str], subject: str) -> Forgotten:
    """Rewrite every file that holds rows of `subject` and delete the bytes it held before.

    Compaction leaves unmasked copies nowhere: a lite vacuum removes every file that the
    log knows and no longer needs, a full one the leavings of crashed writers once they
    are older than the longest commit.
    """
    table = open_table(url, options)
    if table is None:
        return Forgotten(0, None, None)
    wanted = strings("subject") == subject
    found = table.to_pyarrow_dataset().to_table(columns=["banked_at", "text"], filter=wanted)
    first = None if not found.num_rows else first_version_after(table, pc.min(found["banked_at"]).as_py())
    gone = 0
    if found.num_rows:                         # what is appended from now on was banked later, and is no conflict
        last = pc.max(found["banked_at"]).as_py().isoformat()
        predicate = f"subject = {quoted(subject)} AND banked_at <= '{last}'"
        gone = retried(url, table, partial(table.delete, predicate))["num_deleted_rows"]
    sweep(table, url, timedelta(0), is_full=False)
    sweep(table, url, LONGEST_COMMIT, is_full=True)
    return Forgotten(int(gone or 0), first, table.version(), frozenset(found["text"].to_pylist()))


def first_version_after(table: DeltaTable, banked_at: datetime) -> int:
    """Return the first bank version that can hold a row banked then; 0 where the log no longer reaches back."""
    earlier = [entry["version"] for entry in table.history()
               if datetime.fromtimestamp(entry["timestamp"] / 1000, UTC) < banked_at]
    return max(earlier, default=-1) + 1


def compact(url: str, options: Mapping[str, str], report: Report = lambda *_: None) -> Compacted:
    """Keep the first of each set of duplicates, then merge small files; day by day, while ingest goes on.

    No append conflicts with either, so that nothing is done twice however much is banked
    meanwhile. A day that is one file came in one commit or was compacted before, and is left alone.
    """
    table = open_table(url, options)
    if table is None:
        return Compacted(0, 0, 0)
    before, n_duplicates, days = len(table.file_uris()), 0, days_in_pieces(table)
    for number, day in enumerate(days):
        report(day, number, len(days))
        n_duplicates += drop_duplicates(url, table, day)
        retried(url, table, partial(table.optimize.compact, partition_filters=[("day", "=", day.isoformat())],
                                    writer_properties=MERGED, max_concurrent_tasks=1))
    return Compacted(n_duplicates, before, len(table.file_uris()))


def days_in_pieces(table: DeltaTable) -> list[date]:
    """Return the days that lie in more than one file."""
    n_files = Counter(pa.table(table.get_add_actions(flatten=True))["partition.day"].to_pylist())
    return sorted(day for day, n in n_files.items() if n > 1)


def retain(url: str, options: Mapping[str, str], since: date) -> Retained:
    """Drop the days before `since` whole: only Delta's log is written, and the next vacuum deletes the bytes."""
    table = open_table(url, options)
    if table is None:
        return Retained(0, 0, since)
    actions = pa.table(table.get_add_actions(flatten=True)).select(["partition.day", "num_records"])
    old = actions.filter(pc.less(actions["partition.day"], pa.scalar(since)))
    if old.num_rows:
        retried(url, table, lambda: table.delete(f"day < DATE '{since.isoformat()}'"))
    return Retained(int(pc.sum(old["num_records"]).as_py() or 0), len(pc.unique(old["partition.day"])), since)


def drop_duplicates(url: str, table: DeltaTable, day: date) -> int:
    extra = extra_rows(table, day)
    for predicate in predicates(extra, day):
        retried(url, table, partial(table.delete, predicate))
    return len(extra)


def vacuum(url: str, options: Mapping[str, str], older_than: timedelta) -> int:
    """Delete what no bank version younger than `older_than` needs, sparing commits under way."""
    table = open_table(url, options)
    if table is None:
        return 0
    n_known = sweep(table, url, older_than, is_full=False)
    return n_known + sweep(table, url, max(older_than, LONGEST_COMMIT), is_full=True)


def sweep(table: DeltaTable, url: str, older_than: timedelta, *, is_full: bool) -> int:
    hours = int(older_than.total_seconds() // 3600)
    with mended(url):
        return len(table.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=is_full))


def retried(url: str, table: DeltaTable, act: Callable[[], Result]) -> Result:
    """Do `act` again on the newest version if what it rewrites was rewritten meanwhile; appends are no reason."""
    for _ in range(N_ATTEMPTS):
        try:
            with mended(url):
                table.update_incremental()
                return act()
        except BankError as error:
            if not isinstance(error.__cause__, CommitFailedError):
                raise
            time.sleep(0.05)
    raise BankError(f"the bank at {url} was rewritten all the while", "see what else rewrites it, and try again")
