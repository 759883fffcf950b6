"""Finds the rows of a day that concurrent writers banked although they were there, in 16 bytes a row."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TypeVar

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from ingest.bank.reader import KEY_COLUMNS, keys_of, parts_of, query_rows
from ingest.duplicates import keys

MOST_PLACES, MOST_ROWS = 20, 5_000                    # that one deletion names
COLUMNS = [*KEY_COLUMNS, "id", "topic", "partition", "offset", "day", "banked_at"]
EXTRA = """SELECT id, topic, "partition", "offset" FROM bank QUALIFY row_number() OVER (
    PARTITION BY day, kind, source, text_hash,
                 CASE kind WHEN 'prediction' THEN task END, CASE kind WHEN 'prediction' THEN model_version END
    ORDER BY banked_at, topic, "partition", "offset", id) > 1 ORDER BY topic, "partition", "offset"
    """

Item = TypeVar("Item")


def extra_rows(table: DeltaTable, day: date) -> pa.Table:
    """Return id, topic, partition and offset of all but the first of each set of duplicates."""
    words = np.sort(keys_of(table, day)[:, 0])
    twice = np.unique(words[1:][words[1:] == words[:-1]])        # with luck none; else few, and looked at closely
    if not len(twice):
        return pa.table({name: [] for name in ("id", "topic", "partition", "offset")})
    suspects = [part.filter(pa.array(np.isin(keys(part)[:, 0], twice))) for part in parts_of(table, day, COLUMNS)]
    return query_rows(pa.concat_tables(suspects), EXTRA)


def predicates(extra: pa.Table, day: date) -> Iterator[str]:
    """Yield conditions that are true of exactly these rows: where each came from, and its id.

    They bound the offsets, which Delta's log knows of every file: what is appended meanwhile
    lies beyond, so that it is no conflict.
    """
    rows: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for row in extra.to_pylist():
        rows.setdefault((row["topic"], row["partition"]), []).append((row["offset"], row["id"]))
    named = [(place, few) for place, found in rows.items() for few in pieces(found, MOST_ROWS)]
    for some in pieces(named, MOST_PLACES):
        yield f"day = DATE '{day.isoformat()}' AND ({' OR '.join(_named(*each) for each in some)})"


def _named(place: tuple[str, int], rows: Sequence[tuple[int, str]]) -> str:
    offsets, ids = [offset for offset, _ in rows], ", ".join(quoted(name) for _, name in rows)
    return (f'(topic = {quoted(place[0])} AND "partition" = {place[1]} '
            f'AND "offset" >= {min(offsets)} AND "offset" <= {max(offsets)} '
            f'AND "offset" IN ({", ".join(map(str, offsets))}) AND id IN ({ids}))')


def pieces(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (items[begin : begin + most] for begin in range(0, len(items), most))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
