"""Finds the rows of a day that concurrent writers banked although they were there, in 16 bytes a row."""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from ingest.bank.reader import KEY_COLUMNS, keys_of, parts_of, query_rows
from ingest.duplicates import keys

MOST_PLACES, MOST_ROWS = 20, 5_000                    # that one deletion names
MOST_REACH = 500_000                                  # offsets from first to last: so many rows may be written anew
COLUMNS = [*KEY_COLUMNS, "id", "topic", "partition", "offset", "day", "banked_at"]
EXTRA = """SELECT id, topic, "partition", "offset" FROM bank QUALIFY row_number() OVER (
    PARTITION BY day, kind, source, text_hash,
                 CASE kind WHEN 'prediction' THEN task END, CASE kind WHEN 'prediction' THEN model_version END
    ORDER BY banked_at, topic, "partition", "offset", id) > 1 ORDER BY topic, "partition", "offset"
    """

Place = tuple[str, int]                               # topic and partition
Row = tuple[int, str]                                 # offset and id


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
    rows: dict[Place, list[Row]] = {}
    for row in extra.to_pylist():
        rows.setdefault((row["topic"], row["partition"]), []).append((row["offset"], row["id"]))
    some: list[tuple[Place, list[Row]]] = []
    for place, found in rows.items():
        for near in neighbors(found):
            if some and (len(some) == MOST_PLACES or sum(map(reach, some)) + reach((place, near)) > MOST_REACH):
                yield _condition(day, some)
                some = []
            some.append((place, near))
    if some:
        yield _condition(day, some)


def neighbors(rows: list[Row]) -> Iterator[list[Row]]:
    """Cut rows in the order of their offsets where one deletion would reach over too many others."""
    begin = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or end - begin == MOST_ROWS or rows[end][0] - rows[begin][0] > MOST_REACH:
            yield rows[begin:end]
            begin = end


def reach(named: tuple[Place, list[Row]]) -> int:
    return named[1][-1][0] - named[1][0][0]


def _condition(day: date, some: Sequence[tuple[Place, list[Row]]]) -> str:
    return f"day = DATE '{day.isoformat()}' AND ({' OR '.join(_named(*each) for each in some)})"


def _named(place: Place, rows: Sequence[Row]) -> str:
    offsets, ids = [offset for offset, _ in rows], ", ".join(quoted(name) for _, name in rows)
    return (f'(topic = {quoted(place[0])} AND "partition" = {place[1]} '
            f'AND "offset" >= {offsets[0]} AND "offset" <= {offsets[-1]} '
            f'AND "offset" IN ({", ".join(map(str, offsets))}) AND id IN ({ids}))')


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
