"""Appends rows and offsets in one commit, and refuses writers whose offsets are stale."""

import time
from collections.abc import Mapping

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from ingest.bank.tables import mended, open_or_create
from ingest.errors import BankError, StaleWriter
from ingest.schema import SCHEMA

N_ATTEMPTS = 20                                # compaction and forgetting may collide with an append a few times
PLAIN = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
COUNTED = ColumnProperties(dictionary_enabled=False, statistics_enabled="CHUNK")
WRITER = WriterProperties(
    compression="ZSTD", compression_level=1, default_column_properties=ColumnProperties(statistics_enabled="CHUNK"),
    column_properties={"id": PLAIN, "text": PLAIN, "text_hash": PLAIN,       # all different: a dictionary is wasted
                       "at": COUNTED, "offset": COUNTED,
                       "subject": ColumnProperties(statistics_enabled="NONE")})

MERGED = WriterProperties(                            # what compaction writes: a look at a window reads few row groups
    compression="ZSTD", compression_level=1, max_row_group_size=131_072, default_column_properties=COUNTED,
    column_properties={"id": PLAIN, "text": PLAIN, "text_hash": PLAIN,
                       "subject": ColumnProperties(statistics_enabled="NONE")})


def app_id(place: tuple[str, int]) -> str:
    """Return the name under which Delta's log holds the offset of a partition."""
    return f"{place[0]}:{place[1]}"


def brought_up(table: DeltaTable | None, url: str, options: Mapping[str, str]) -> DeltaTable:
    """Return the newest snapshot; of a table that is open only the commits since then are read."""
    if table is None:
        return open_or_create(url, options)
    with mended(url):
        table.update_incremental()
    return table


def append(table: DeltaTable, url: str, rows: pa.Table, offsets: Mapping[tuple[str, int], int],
           believed: Mapping[tuple[str, int], int | None] | None) -> int:
    """Commit `rows` with `offsets`, unless another writer moved one of the partitions.

    Two guards close the gap. The snapshot that we commit from must hold the offsets
    that we believe; and Delta Lake refuses a commit whose app id was written after
    its snapshot. Between them no second commit of the same messages fits.
    """
    for _ in range(N_ATTEMPTS):
        check_believed(table, offsets, believed)
        try:
            return commit(table, url, rows, offsets)
        except CommitFailedError:              # someone committed since our snapshot: look again, then decide
            time.sleep(0.02)
            with mended(url):
                table.update_incremental()
    raise BankError(f"the bank at {url} refused {N_ATTEMPTS} commits in a row", "see what else writes to it")


def check_believed(table: DeltaTable, offsets: Mapping[tuple[str, int], int],
                   believed: Mapping[tuple[str, int], int | None] | None) -> None:
    for place, next_offset in offsets.items():
        found = table.transaction_version(app_id(place))
        is_stale = (found is not None and next_offset <= found) if believed is None else found != believed.get(place)
        if is_stale:
            raise StaleWriter(f"{place[0]} [{place[1]}] is banked up to offset {found} by another writer",
                              "read on from the bank's offsets")


def commit(table: DeltaTable, url: str, rows: pa.Table, offsets: Mapping[tuple[str, int], int]) -> int:
    transactions = [Transaction(app_id(place), next_offset) for place, next_offset in sorted(offsets.items())]
    properties = CommitProperties(app_transactions=transactions, max_commit_retries=0)
    try:
        with mended(url):
            write_deltalake(table, rows.select(SCHEMA.names).cast(SCHEMA), mode="append",
                            writer_properties=WRITER, commit_properties=properties)
    except BankError as error:
        if isinstance(error.__cause__, CommitFailedError) and type(error) is BankError:
            raise error.__cause__ from None
        raise
    return table.version()
