"""Reading events: the fast reader and the contract agree, and whatever is unreadable says why."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.decode import PREDICTIONS, TEXTS, decode
from ingest.raw import RawBatch

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FIELDS = ("id", "text", "task", "source", "subject", "at")
PREDICTION = {"id": "1", "task": "t", "text": "x", "label": "l", "confidence": 0.5, "novelty": 0.1,
              "model_version": 1, "label_space": 1, "at": "2026-01-01T00:00:00Z"}

TEXT_MESSAGES = [
    b'{"id": "1", "text": "hello"}',
    '{"id": "1", "text": "안녕하세요", "task": "t", "source": "s", "subject": "u"}'.encode(),
    b'{"id": "1", "text": "x", "at": "2026-01-02T03:04:05Z"}',
    b'{"id": "1", "text": "x", "at": "2026-01-02T03:04:05.123456+09:00"}',
    b'{"id": "1", "text": "x", "at": "2026-01-02T03:04:05"}',
    b'{"id": "1", "text": "x", "at": "2026-01-02"}',
    b'{"id": "1", "text": "x", "at": 1767322800}',
    b'{"id": "1", "text": "x", "at": "0001-01-01T00:00:00+14:00"}',
    b'{"id": "1", "text": "x", "at": null, "task": null}',
    b'{"id": "1", "text": "x", "extra": {"deep": [1, 2, {"a": null}]}}',
    b'{"id": "1", "id": "2", "text": "x"}',
    b'{\n  "id": "1",\n  "text": "pretty"\n}',
    b'{"id": "1", "text": "escaped \\u0041 \\ud83d\\ude00 \\n"}',
    b'{"id": "1", "text": "lone \\ud800 surrogate"}',
    b'{"id": "1", "text": "raw \n line feed"}',
    b'{"id": 1, "text": "x"}',
    b'{"id": "", "text": "x"}',
    b'{"id": "1", "text": ""}',
    b'{"id": "1", "text": null}',
    b'{"id": "1", "text": ["x"]}',
    b'{"text": "x"}',
    b'{"id": "1"}',
    b'{"id": "' + b"i" * 201 + b'", "text": "x"}',
    b'{"id": "1", "text": "' + b"x" * 1_000_000 + b'"}',
    b'{"id": "1", "text": "' + b"x" * 10_000_000 + b'"}',
    b'{"id": "1", "text": "invalid \xff\xfe"}',
    b'{"id": "1", "text": "x", "extra": "invalid \xff"}',
    b"\xff\xfe\x00", b"", b"{", b"[]", b"null", b"1", b'"x"', b"[" * 100_000, b'{"id": "1", "text": "x"} trailing',
    b'{"id": "1", "text": "x"}\n{"id": "2", "text": "y"}', b'\xef\xbb\xbf{"id": "1", "text": "x"}',
]


def batch_of(*values, topic="t"):
    return RawBatch.of((topic, 0), values, list(range(100, 100 + len(values))))


def by_contract(value, schema):
    try:
        return schema.contract.model_validate_json(value)
    except ValidationError:
        return None


@pytest.mark.parametrize("value", TEXT_MESSAGES, ids=lambda value: repr(value[:40]))
def test_what_the_contract_reads_is_read_to_the_same_values_and_nothing_else(value):
    decoded, expected = decode(batch_of(value), TEXTS, NOW), by_contract(value, TEXTS)
    if expected is None:
        assert not decoded.events
        assert decoded.dead[0].raw == value
        assert decoded.dead[0].reason
        assert (decoded.dead[0].partition, decoded.dead[0].offset) == (0, 100)
    else:
        assert not decoded.dead
        assert [getattr(decoded.events[0], name) for name in FIELDS] == [getattr(expected, name) for name in FIELDS]


@pytest.mark.parametrize("change", [
    {}, {"confidence": 1}, {"confidence": 1.5}, {"confidence": "0.5"}, {"confidence": True}, {"confidence": None},
    {"novelty": -1}, {"model_version": 0}, {"model_version": "3"}, {"model_version": 3.0}, {"model_version": 3.5},
    {"label_space": 2**31 - 1}, {"at": None}, {"at": "2026-01-01T00:00:00"}, {"label": ""}, {"task": None},
])
def test_predictions_are_read_as_the_contract_reads_them(change):
    value = json.dumps({**PREDICTION, **change}).encode()
    decoded, expected = decode(batch_of(value), PREDICTIONS, NOW), by_contract(value, PREDICTIONS)
    assert bool(decoded.events) == (expected is not None)
    if expected is not None:
        for name in PREDICTION:
            assert getattr(decoded.events[0], name) == getattr(expected, name)


def test_a_number_that_no_column_holds_is_a_dead_letter():
    value = json.dumps({**PREDICTION, "model_version": 10**30}).encode()
    assert "model_version" in decode(batch_of(value), PREDICTIONS, NOW).dead[0].reason


def test_one_bad_message_takes_no_good_one_with_it():
    good = [json.dumps({"id": str(number), "text": f"text {number}"}).encode() for number in range(10)]
    decoded = decode(batch_of(*good[:5], b"bad", *good[5:]), TEXTS, NOW)
    assert [event.id for event in decoded.events] == [str(number) for number in range(10)]
    assert decoded.offsets == [100, 101, 102, 103, 104, 106, 107, 108, 109, 110]
    assert [letter.offset for letter in decoded.dead] == [105]


def test_two_events_in_one_message_beside_an_empty_one_do_not_shift_the_others():
    two = b'{"id": "1", "text": "x"}\n{"id": "2", "text": "y"}'
    decoded = decode(batch_of(two, b"", b'{"id": "3", "text": "z"}'), TEXTS, NOW)
    assert [event.id for event in decoded.events] == ["3"]
    assert decoded.offsets == [102]


def test_a_message_without_a_value_is_a_dead_letter():
    assert decode(batch_of(None), TEXTS, NOW).dead[0].raw == b""


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                           lambda inner: st.lists(inner, max_size=3), max_leaves=3)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), json_values | st.just("x") | st.datetimes().map(str)))
def test_any_object_is_read_exactly_if_the_contract_reads_it(fields):
    value = json.dumps(fields).encode()
    decoded, expected = decode(batch_of(value), TEXTS, NOW), by_contract(value, TEXTS)
    assert bool(decoded.events) == (expected is not None)
