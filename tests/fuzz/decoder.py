"""Whatever bytes come on a topic, each message is one event as the contract reads it, or one dead letter."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from ingest.decode import PREDICTIONS, TEXTS, Schema, decode
from ingest.masking import Masker
from ingest.prepare import prepare
from ingest.raw import RawBatch
from ingest.schema import INT32_MAX
from registry.text import normalize

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BORDER = b"\xff\x00"                                  # between messages; no JSON holds it
MAX_MESSAGES = 8
MASKER = Masker(("KR", "US"))
SEEDS = [
    b'{"id": "1", "text": "hello", "task": "t", "source": "s", "subject": "u", "at": "2026-01-02T03:04:05+09:00"}',
    b'{"id": "1", "task": "t", "text": "x", "label": "l", "confidence": 0.5, "novelty": 0.1, "model_version": 1, '
    b'"label_space": 1, "at": "2026-01-01T00:00:00Z"}',
    b'{"id": "1", "text": "my card is 4111 1111 1111 1111, mail a@b.co, call +82 10-1234-5678"}',
    BORDER.join([b'{"id": "1", "text": "x"}', b'{"id": "2", "t\\u0065xt": "y", "extra": {"deep": [1, {"a": null}]}}']),
    BORDER.join([b"", b"[1, 2]", b'{"id": "1", "id": "2", "text": "\\ud83d\\ude00 \\u0000 \\ud800"}', b"{", b"NaN"]),
    '{"id": "가", "text": "e\u0301 \u3000 \u200b 각"}'.encode(),
]
WORDS = ['"id"', '"text"', '"task"', '"source"', '"subject"', '"at"', '"label"', '"confidence"', '"novelty"',
         '"model_version"', '"label_space"', "\\u0000", "\\ud800", "null", "1e999", "NaN", "Infinity", "-0",
         "\\xff\\x00"]


def check(content: bytes) -> None:
    values = content.split(BORDER)[:MAX_MESSAGES]
    for schema in (TEXTS, PREDICTIONS):
        check_messages(values, schema)


def check_messages(values: list[bytes], schema: Schema) -> None:
    batch = RawBatch.of(("t", 0), values, list(range(len(values))))
    expected = {offset: event for offset, value in enumerate(values)
                if (event := by_contract(value, schema)) is not None}
    decoded = decode(batch, schema, NOW)
    assert decoded.offsets == list(expected), (decoded.offsets, list(expected))
    assert {letter.offset: letter.raw for letter in decoded.dead} == {
        offset: value for offset, value in enumerate(values) if offset not in expected}
    for event, told in zip(decoded.events, expected.values(), strict=True):
        assert shown(event, schema) == shown(told, schema)

    rows = prepare([batch], {"t": schema}, None, NOW).rows
    rows.validate(full=True)
    assert rows["offset"].to_pylist() == decoded.offsets
    assert rows["text"].to_pylist() == [normalize(event.text) for event in expected.values()]
    assert len(prepare([batch], {"t": schema}, MASKER, NOW).rows) == len(rows)


def by_contract(value: bytes, schema: Schema) -> Any:
    try:
        event = schema.contract.model_validate_json(value)
    except ValidationError:
        return None
    numbers = (getattr(event, name, 0) for name in ("model_version", "label_space"))
    return event if max(numbers) <= INT32_MAX else None


def shown(event: Any, schema: Schema) -> str:
    """Return the values of an event in words: NaN is equal to itself there."""
    return repr([getattr(event, name) if name != "at" else str(event.at) for name in schema.names])
