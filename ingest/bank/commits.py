"""Lists the data files that commits left, and reads one: a look at a window need not read the rest of the bank."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import PyFileSystem

from ingest.schema import SCHEMA

PRECISION = timedelta(milliseconds=1)                 # Delta's log keeps times in whole milliseconds, rounded down


@dataclass(frozen=True)
class DataFile:
    """A file of the bank, which never changes; its rows were banked from `first_at` on and before `end_at`."""

    path: str
    day: date
    n_rows: int
    first_at: datetime
    end_at: datetime


def data_files(table: DeltaTable | None) -> list[DataFile]:
    """Return the files that hold rows, in the order these were banked; only Delta's log is read."""
    if table is None:
        return []
    actions = pa.table(table.get_add_actions(flatten=True))
    names = ("path", "partition.day", "num_records", "min.banked_at", "max.banked_at")
    found = [DataFile(path, day, n, first, last + PRECISION)
             for path, day, n, first, last in zip(*(actions[name].to_pylist() for name in names), strict=True) if n]
    return sorted(found, key=lambda file: (file.end_at, file.path))


def read_file(table: DeltaTable, options: dict[str, str], path: str, task: str | None,
              columns: list[str]) -> pa.Table:
    """Return the rows of one file that are of `task` (None: of any) or of none, in the order they lie there."""
    folder = PyFileSystem(DeltaStorageHandler(table.table_uri, options or None))
    with folder.open_input_file(unquote(path)) as file:
        rows = pq.read_table(file, columns=sorted({*columns, "task"}))
    rows = rows.cast(pa.schema([SCHEMA.field(name) for name in rows.column_names]))
    if task is None:
        return rows.select(columns)
    return rows.filter(pc.or_kleene(pc.is_null(rows["task"]), pc.equal(rows["task"], task))).select(columns)
