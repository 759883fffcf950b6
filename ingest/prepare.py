"""From raw messages to rows of the bank: decode, normalize, mask, hash; touches nothing outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.decode import Schema, decode
from ingest.duplicates import keys
from ingest.masking import Masker
from ingest.normalization import hash_all, normalize_all
from ingest.raw import RawBatch
from ingest.schema import SCHEMA
from registry.events import DeadLetter


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
        decoded = decode(batch, schema, now)
        dead.extend(decoded.dead)
        texts, n = clean([event.text for event in decoded.events], masker)
        n_masked += n
        parts.append(rows_of(schema.kind, batch, decoded.events, decoded.offsets, texts, now))
    rows = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    return Prepared(rows, keys(rows), dead, n_masked)


def clean(texts: list[str], masker: Masker | None) -> tuple[list[str], int]:
    """Normalize, then mask; a text that grew or now begins with a space is normalized again."""
    normalized = normalize_all(texts)
    if masker is None:
        return normalized, 0
    masked = masker.mask_all(normalized)
    for index, text in masked.items():
        normalized[index] = normalize_all([text])[0]
    return normalized, len(masked)


def rows_of(kind: str, batch: RawBatch, events: list[Any], offsets: list[int], texts: list[str],
            now: datetime) -> pa.Table:
    n = len(events)
    is_prediction = kind == "prediction"

    def only(name: str) -> list[Any] | pa.Array:
        return [getattr(event, name) for event in events] if is_prediction else pa.nulls(n)

    return table({
        "id": [event.id for event in events],
        "text": texts,
        "text_hash": hash_all(texts),
        "task": [event.task for event in events],
        "source": [event.source for event in events],
        "subject": [event.subject for event in events],
        "at": moments([event.at for event in events], now),
        "kind": same(kind, n),
        "label": only("label"),
        "confidence": only("confidence"),
        "novelty": only("novelty"),
        "model_version": only("model_version"),
        "label_space": only("label_space"),
        "topic": same(batch.topic, n),
        "partition": same(batch.partition, n),
        "offset": offsets,
    }, now)


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
    kind = pa.timestamp("us", tz="UTC") if isinstance(value, datetime) else None
    return pa.repeat(pa.scalar(value, kind), n) if n else pa.nulls(0)


def keep(rows: pa.Table, is_kept: np.ndarray) -> pa.Table:
    return rows if is_kept.all() else rows.filter(pa.array(is_kept))
