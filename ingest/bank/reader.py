"""Reads the bank at a version: distinct texts, predictions, counts, duplicate keys."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from ingest.bank.commits import data_files
from ingest.duplicates import keys
from ingest.schema import SCHEMA

TEXT_COLUMNS = ["text", "text_hash", "source", "at"]


def texts(table: DeltaTable | None, task: str | None, limit: int | None) -> pa.Table:
    """Return one row per text hash: duplicates of other days, sources and writers count once."""
    if table is None:
        return SCHEMA.empty_table().select(TEXT_COLUMNS)
    query = """SELECT arg_max(text, "at") AS text, text_hash, arg_max(source, "at") AS source, max("at") AS "at"
               FROM bank WHERE $task IS NULL OR task = $task OR task IS NULL
               GROUP BY text_hash ORDER BY 4 DESC, text_hash"""
    found = run(table, [*TEXT_COLUMNS, "task"], limited(query, limit), {"task": task})
    return found.cast(pa.schema([SCHEMA.field(name) for name in TEXT_COLUMNS]))


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


def n_texts(table: DeltaTable | None, task: str | None, after: datetime | None) -> int:
    if table is None:
        return 0
    wanted = pc.scalar(True) if task is None else (pc.field("task") == task) | pc.field("task").is_null()
    if after is not None:
        wanted = wanted & (pc.field("banked_at") > pa.scalar(after, pa.timestamp("us", tz="UTC")))
    return int(table.to_pyarrow_dataset().count_rows(filter=wanted))


def committed_at(table: DeltaTable | None, version: int | None) -> datetime | None:
    """Return a moment that no row of bank version `version` was banked after, at most a millisecond late.

    None if it holds no row. Only Delta's log is read, so that it works on versions whose files were vacuumed.
    """
    if table is None or version is None:
        return None
    table.load_as_version(version)
    files = data_files(table)
    return files[-1].end_at.astimezone(UTC) - timedelta(microseconds=1) if files else None


def keys_of(table: DeltaTable | None, day: date) -> np.ndarray:
    if table is None:
        return np.empty((0, 2), dtype=np.uint64)
    columns = ["text_hash", "kind", "source", "task", "model_version"]
    return keys(table.to_pyarrow_dataset().to_table(columns=columns, filter=pc.field("day") == day))


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


def days(table: DeltaTable | None) -> dict[str, dict[date, int]]:
    """Count rows by task and day; only these two columns are read, and what came without a task is no task's."""
    if table is None:
        return {}
    query = "SELECT task, day, count(*) AS n FROM bank WHERE task IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    found: dict[str, dict[date, int]] = {}
    for row in run(table, ["task", "day"], query, {}).to_pylist():
        found.setdefault(row["task"], {})[row["day"]] = int(row["n"])
    return found


def counts(table: DeltaTable, column: str) -> dict[str, int]:
    query = f"SELECT coalesce(CAST({column} AS VARCHAR), '') AS name, count(*) AS n FROM bank GROUP BY 1 ORDER BY 1"
    found = run(table, [column], query, {})
    return dict(zip(found["name"].to_pylist(), found["n"].to_pylist(), strict=True))


def run(table: DeltaTable, columns: list[str], query: str, values: dict[str, Any]) -> pa.Table:
    """Answer an SQL query over `bank`, reading only `columns`."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("bank", table.to_pyarrow_dataset().scanner(columns=columns))
        return connection.sql(query, params=values or None).to_arrow_table()


def limited(query: str, limit: int | None) -> str:
    return query if limit is None else f"{query} LIMIT {int(limit)}"
