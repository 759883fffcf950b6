"""From raw messages to rows of the bank: decode, normalize, mask, hash; touches nothing outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.columns import MOMENT, read_columns
from ingest.decode import TEXTS, Schema, decode
from ingest.duplicates import keys
from ingest.masking import Masker
from ingest.normalization import hash_all, normalize_all
from ingest.raw import RawBatch
from ingest.schema import SCHEMA
from ingest.strings import in_one_piece, replaced
from registry.events import DeadLetter
from registry.text import normalize


@dataclass(frozen=True)
class Prepared:
    """Rows ready to be banked, and what was met on the way."""

    rows: pa.Table
    keys: np.ndarray                           # (n, 2) uint64, what makes rows duplicates
    dead: list[DeadLetter]
    n_masked: int


def prepare(batches: Sequence[RawBatch], schemas: Mapping[str, Schema], masker: Masker | None,
            now: datetime) -> Prepared:
    """Return the rows of all batches in order; each topic is read by its schema."""
    parts, dead, n_masked = [], [], 0
    for batch in batches:
        schema = schemas[batch.topic]
        columns, letters = read(batch, schema, now)
        dead.extend(letters)
        columns["text"], n = clean(columns["text"], masker)
        n_masked += n
        parts.append(rows_of(schema.kind, batch, columns, now))
    rows = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    return Prepared(rows, keys(rows), dead, n_masked)


def read(batch: RawBatch, schema: Schema, now: datetime) -> tuple[dict[str, Any], list[DeadLetter]]:
    """Return the events of a batch by columns, with their offsets, and the messages that are none."""
    plain = read_columns(batch) if schema is TEXTS else None
    if plain is None:
        decoded = decode(batch, schema, now)
        return {**columns_of(decoded.events, schema, now), "offset": decoded.offsets}, decoded.dead
    columns = {name: in_one_piece(plain[name]) for name in plain.column_names}
    columns["at"] = pc.coalesce(columns["at"], pa.scalar(now, MOMENT))
    return {**columns, "offset": pa.array(batch.offsets)}, []


def columns_of(events: list[Any], schema: Schema, now: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {name: [getattr(event, name) for event in events] for name in schema.names}
    return {**columns, "text": pa.array(columns["text"], pa.string()), "at": moments(columns["at"], now)}


def clean(texts: pa.StringArray, masker: Masker | None) -> tuple[pa.StringArray, int]:
    """Normalize, then mask; a text that grew or now begins with a space is normalized again."""
    normalized = normalize_all(texts)
    masked = {} if masker is None else masker.mask_all(normalized)
    if not masked:
        return normalized, 0
    again = [normalize(text) for text in masked.values()]
    return replaced(normalized, np.array(list(masked)), again), len(masked)


def rows_of(kind: str, batch: RawBatch, columns: Mapping[str, Any], now: datetime) -> pa.Table:
    """Return the rows of one batch; what this kind of event has no word for stays empty."""
    n = len(columns["text"])
    empty = dict.fromkeys(("label", "confidence", "novelty", "model_version", "label_space"), pa.nulls(n))
    return table({**empty, **columns, "text_hash": hash_all(columns["text"]), "kind": same(kind, n),
                  "topic": same(batch.topic, n), "partition": same(batch.partition, n)}, now)


def table(columns: dict[str, Any], now: datetime) -> pa.Table:
    """Return rows of the bank's schema, banked at `now`."""
    n = len(columns["text"])
    columns = {**columns, "banked_at": same(now, n), "day": same(now.date(), n)}
    arrays = [as_array(columns[field.name], field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def as_array(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values.cast(kind)
    return pa.array(values, type=kind)


def moments(ats: list[datetime | None], now: datetime) -> list[datetime]:
    return [now if at is None else within_reach(at) for at in ats]


def within_reach(at: datetime) -> datetime:
    """Return `at` in UTC; the first and last day of the calendar may have no UTC and stay as they are."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=UTC)


def same(value: Any, n: int) -> pa.Array:
    kind = MOMENT if isinstance(value, datetime) else None
    return pa.repeat(pa.scalar(value, kind), n) if n else pa.nulls(0)


def keep(rows: pa.Table, is_kept: np.ndarray) -> pa.Table:
    return rows if is_kept.all() else rows.filter(pa.array(is_kept))
