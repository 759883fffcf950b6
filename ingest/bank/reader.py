"""Reads the bank at a version: distinct texts, predictions, counts, duplicate keys."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from ingest.bank.commits import data_files
from ingest.bank.tables import strings
from ingest.duplicates import keys
from ingest.errors import VersionGone
from ingest.schema import SCHEMA

PART_ROWS = 131_072
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY_COLUMNS = ["text_hash", "kind", "source", "task", "model_version"]
TEXT_COLUMNS = ["text", "text_hash", "source", "at"]


def texts(table: DeltaTable | None, task: str | None, limit: int | None) -> pa.Table:
    """Return one row per text hash: duplicates of other days, sources and writers count once.

    With a limit only the newest stretch of the bank is read, and a longer one while it
    holds too few: what is older than all of a stretch cannot be among the newest.
    """
    if table is None:
        return SCHEMA.empty_table().select(TEXT_COLUMNS)
    query = limited("""SELECT arg_max(text, "at") AS text, text_hash, arg_max(source, "at") AS source, max("at") AS "at"
                       FROM bank WHERE $task IS NULL OR task = $task OR task IS NULL
                       GROUP BY text_hash ORDER BY 4 DESC, text_hash""", limit)
    for since in [None] if limit is None else newest_stretches(table, limit):
        within = None if since is None else pc.field("at") >= pa.scalar(since, pa.timestamp("us", tz="UTC"))
        found = run(table, [*TEXT_COLUMNS, "task"], query, {"task": task}, within)
        if since is None or len(found) >= (limit or 0):
            break
    return found.cast(pa.schema([SCHEMA.field(name) for name in TEXT_COLUMNS]))


def newest_stretches(table: DeltaTable, n: int) -> Iterator[datetime | None]:
    """Yield moments since which about 2n rows are dated, then 8n and so on; at last None, for all. Only reads the log.
    """
    actions = pa.table(table.get_add_actions(flatten=True)).select(["num_records", "min.at", "max.at"]).drop_null()
    rows, first, last = (column.cast(pa.int64()).to_numpy() for column in actions.columns)
    n_wanted = 2 * n
    while len(rows) and n_wanted < rows.sum() / 2:
        low, high = first.min(), last.max()
        while high - low > 1:                         # bisect: rows lie evenly between a file's first and last moment
            middle = (low + high) // 2
            share = np.clip((last - middle + 1) / (last - first + 1), 0, 1)
            low, high = (middle, high) if (rows * share).sum() >= n_wanted else (low, middle)
        yield EPOCH + timedelta(microseconds=int(low))
        n_wanted *= 4
    yield None


def predictions(table: DeltaTable | None, task: str, limit: int | None) -> pa.Table:
    if table is None:
        return SCHEMA.empty_table()
    query = 'SELECT * FROM bank WHERE kind = \'prediction\' AND task = $task ORDER BY "at" DESC, id'
    return run(table, SCHEMA.names, limited(query, limit), {"task": task}).cast(SCHEMA)


def rows(table: DeltaTable | None, limit: int | None) -> pa.Table:
    if table is None:
        return SCHEMA.empty_table()
    query = limited('SELECT * FROM bank ORDER BY banked_at DESC, topic, "partition", "offset" DESC', limit)
    return run(table, SCHEMA.names, query, {}).cast(SCHEMA)


def query_rows(rows: pa.Table, query: str) -> pa.Table:
    """Answer an SQL query over rows in memory, called `bank` as well."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("bank", rows)
        return connection.sql(query).to_arrow_table()


def n_texts(table: DeltaTable | None, task: str | None, after: datetime | None) -> int:
    if table is None:
        return 0
    wanted = pc.scalar(True) if task is None else (strings("task") == task) | pc.field("task").is_null()
    if after is not None:
        wanted = wanted & (pc.field("banked_at") > pa.scalar(after, pa.timestamp("us", tz="UTC")))
    return int(table.to_pyarrow_dataset().count_rows(filter=wanted))


def committed_at(table: DeltaTable | None, version: int | None) -> datetime | None:
    """Return a moment that no row of bank version `version` was banked after, at most a millisecond late.

    None if it holds no row. Only Delta's log is read, so that it works on versions whose files were vacuumed.
    Raises VersionGone where the log no longer reaches back.
    """
    if table is None or version is None:
        return None
    try:
        table.load_as_version(version)
    except TableNotFoundError as error:
        raise VersionGone(f"the log of the bank at {table.table_uri} no longer reaches back to version {version}",
                          "it keeps 30 days; newer versions can be asked about") from error
    files = data_files(table)
    return files[-1].end_at.astimezone(UTC) - timedelta(microseconds=1) if files else None


def keys_of(table: DeltaTable | None, day: date) -> np.ndarray:
    found = [] if table is None else [keys(part) for part in parts_of(table, day, KEY_COLUMNS)]
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.uint64)


def parts_of(table: DeltaTable, day: date, columns: list[str]) -> Iterator[pa.Table]:
    """Yield the rows of a day part by part, so that none of its columns is held as a whole."""
    scanner = table.to_pyarrow_dataset().scanner(columns=columns, filter=pc.field("day") == day, batch_size=PART_ROWS,
                                                 batch_readahead=2, fragment_readahead=1)
    for batch in scanner.to_batches():
        if batch.num_rows:
            yield pa.Table.from_batches([batch])


def stats(table: DeltaTable | None) -> dict[str, Any]:
    if table is None:
        return {"version": None, "rows": 0, "texts": 0, "files": 0, "bytes": 0, "kinds": {}, "tasks": {}, "days": {}}
    actions = pa.table(table.get_add_actions(flatten=True))
    return {
        "version": table.version(),
        "rows": table.to_pyarrow_dataset().count_rows(),
        "texts": run(table, ["text_hash"], "SELECT count(DISTINCT text_hash) AS n FROM bank", {})["n"][0].as_py(),
        "files": actions.num_rows,
        "bytes": int(pc.sum(actions["size_bytes"]).as_py() or 0),
        "kinds": counts(table, "kind"),
        "tasks": counts(table, "task"),
        "days": counts(table, "day"),
    }


def counts(table: DeltaTable, column: str) -> dict[str, int]:
    query = f"SELECT coalesce(CAST({column} AS VARCHAR), '') AS name, count(*) AS n FROM bank GROUP BY 1 ORDER BY 1"
    found = run(table, [column], query, {})
    return dict(zip(found["name"].to_pylist(), found["n"].to_pylist(), strict=True))


def run(table: DeltaTable, columns: list[str], query: str, values: dict[str, Any],
        within: pc.Expression | None = None) -> pa.Table:
    """Answer an SQL query over `bank`, reading only `columns`, and only the rows `within`."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("bank", table.to_pyarrow_dataset().scanner(columns=columns, filter=within))
        return connection.sql(query, params=values or None).to_arrow_table()


def limited(query: str, limit: int | None) -> str:
    return query if limit is None else f"{query} LIMIT {int(limit)}"
