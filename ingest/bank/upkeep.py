"""Upkeep of the bank: forget a subject, compact, vacuum."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError

from ingest.bank import reader
from ingest.bank.tables import mended, open_table
from ingest.errors import BankError

N_ATTEMPTS = 20
LONGEST_COMMIT = timedelta(hours=1)            # files younger than this may belong to a commit still under way
Result = TypeVar("Result")

DUPLICATES = """SELECT id, topic, "partition", "offset" FROM bank QUALIFY row_number() OVER (
    PARTITION BY day, kind, source, text_hash,
                 CASE kind WHEN 'prediction' THEN task END, CASE kind WHEN 'prediction' THEN model_version END
    ORDER BY banked_at, topic, "partition", "offset", id) > 1"""


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


def forget(url: str, options: Mapping[str, str], subject: str) -> Forgotten:
    """Rewrite every file that holds rows of `subject` and delete the bytes it held before.

    Compaction leaves unmasked copies nowhere: a lite vacuum removes every file that the
    log knows and no longer needs, a full one the leavings of crashed writers once they
    are older than the longest commit.
    """
    table = open_table(url, options)
    if table is None:
        return Forgotten(0, None, None)
    wanted = pc.field("subject") == subject
    found = table.to_pyarrow_dataset().to_table(columns=["banked_at", "text"], filter=wanted)
    first = None if not found.num_rows else first_version_after(table, pc.min(found["banked_at"]).as_py())
    predicate = "subject = '" + subject.replace("'", "''") + "'"
    gone = retried(url, table, lambda: table.delete(predicate, commit_properties=once()))["num_deleted_rows"]
    sweep(table, url, timedelta(0), is_full=False)
    sweep(table, url, LONGEST_COMMIT, is_full=True)
    return Forgotten(int(gone or 0), first, table.version(), frozenset(found["text"].to_pylist()))


def first_version_after(table: DeltaTable, banked_at: datetime) -> int:
    """Return the first bank version that can hold a row banked then; 0 where the log no longer reaches back."""
    earlier = [entry["version"] for entry in table.history()
               if datetime.fromtimestamp(entry["timestamp"] / 1000, UTC) < banked_at]
    return max(earlier, default=-1) + 1


def compact(url: str, options: Mapping[str, str]) -> Compacted:
    """Keep the first of each set of duplicates, then merge small files; ingest may run meanwhile."""
    table = open_table(url, options)
    if table is None:
        return Compacted(0, 0, 0)
    before = len(table.file_uris())
    n_duplicates = retried(url, table, lambda: drop_duplicates(table))
    retried(url, table, lambda: table.optimize.compact(commit_properties=once()))
    return Compacted(n_duplicates, before, len(table.file_uris()))


def drop_duplicates(table: DeltaTable) -> int:
    columns = ["id", "topic", "partition", "offset", "day", "kind", "source", "text_hash", "task", "model_version",
               "banked_at"]
    extra = reader.run(table, columns, DUPLICATES, {})
    if extra.num_rows:
        merge = table.merge(extra, source_alias="extra", target_alias="bank", commit_properties=once(), predicate=(
            'bank.id = extra.id AND bank.topic = extra.topic AND bank."partition" = extra."partition" '
            'AND bank."offset" = extra."offset"'))
        merge.when_matched_delete().execute()
    return extra.num_rows


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


def once() -> CommitProperties:
    return CommitProperties(max_commit_retries=0)


def retried(url: str, table: DeltaTable, act: Callable[[], Result]) -> Result:
    """Do `act` again on the newest version while an append comes between."""
    for _ in range(N_ATTEMPTS):
        try:
            with mended(url):
                table.update_incremental()
                return act()
        except BankError as error:
            if not isinstance(error.__cause__, CommitFailedError):
                raise
            time.sleep(0.05)
    raise BankError(f"the bank at {url} was written to all the while", "try again when less is being banked")
