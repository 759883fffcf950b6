"""Columns read at once hold what the contract reads, or are left to it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import read_columns
from ingest.decode import PREDICTIONS, TEXTS, decode
from ingest.masking import Masker
from ingest.prepare import prepare
from ingest.raw import RawBatch
from registry.text import normalize, text_hash
from tests.ingest.test_decode import FIELDS, PREDICTION, TEXT_MESSAGES, batch_of, by_contract, json_values

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOOD = b'{"id": "good", "text": "good"}'
MOMENTS = ["2026-01-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T23:59:60Z", "2026-01-02T24:00:00Z",
           "2026-01-02T03:04:05.1-23:59", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05.1234567Z",
           "2026-01-02 03:04:05Z", "2026-01-02T03:04Z", "2026-01-02T03:04:05z", "0000-01-01T00:00:00Z", "now", ""]


def agrees_with_the_contract(*values):
    columns = read_columns(batch_of(*values))
    if columns is None:
        return True                            # left to the decoder, whose own tests speak
    expected = [by_contract(value, TEXTS) for value in values]
    return columns.select(FIELDS).to_pylist() == [
        None if event is None else {name: getattr(event, name) for name in FIELDS} for event in expected]


@pytest.mark.parametrize("value", TEXT_MESSAGES, ids=lambda value: repr(value[:40]))
def test_a_message_is_read_as_the_contract_reads_it_alone_and_among_good_ones(value):
    assert agrees_with_the_contract(value)
    assert agrees_with_the_contract(GOOD, value, GOOD)


def test_plain_messages_are_read_at_once():
    values = [json.dumps({"id": str(number), "text": f"텍스트 [{number}]", "source": "s", "extra": {"a": [number]},
                          "at": "2026-01-02T03:04:05.5+09:00"}, ensure_ascii=number % 2 == 0).encode()
              for number in range(300)]
    assert read_columns(batch_of(*values)) is not None
    assert agrees_with_the_contract(*values)


@pytest.mark.parametrize("moment", MOMENTS)
def test_moments_are_read_as_the_contract_reads_them(moment):
    assert agrees_with_the_contract(json.dumps({"id": "1", "text": "x", "at": moment}).encode())


@pytest.mark.parametrize("values", [
    (b'{"x": {}', b'{"id": "1", "text": "x"}}', GOOD + GOOD), (b'{"x": "}', b'{"}', GOOD + GOOD + GOOD),
    (b'{"id": "1", "text": "x"}}', GOOD), (GOOD + b" " + GOOD, b" "), (b'{"x": 1}, {"y": 1}', GOOD),
    (b'{"id": "1", "text": "x", "deep": ' + b"[" * 300 + b"]" * 300 + b"}", GOOD),
    (b'{"id": "1", "text": "low \\udc00 surrogate"}',), (b'{"id": "1", "text": "nul \\u0000"}',),
    (b'{"id": "1", "text": "x", "n": NaN}',), (b'{"id": "1", "t\\u0065xt": "x"}',), (b'{"id": "1", "text": "x",}',),
    (b'{"id": "1", "text": "x", "text": "y"}', GOOD), (b'{"id": "1", "text": "x" /* c */}',),
])
def test_messages_made_to_be_misread_are_not(values):
    assert agrees_with_the_contract(*values)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*FIELDS, "other"]),
                                json_values | st.just("x") | st.sampled_from(MOMENTS)), min_size=1, max_size=3),
       st.booleans())
def test_any_objects_are_read_as_the_contract_reads_them(objects, is_ascii):
    values = [json.dumps({"id": "1", "text": "x", **fields}, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
              for fields in objects]
    assert agrees_with_the_contract(*values)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from('{}[]",:\\ \nab'), max_size=8), min_size=1, max_size=4))
def test_garbage_among_good_messages_shifts_nothing(garbage):
    values = [GOOD, *(text.encode() for text in garbage), GOOD]
    assert agrees_with_the_contract(*values)


def test_rows_are_the_same_whichever_way_they_were_read():
    values = [json.dumps({"id": str(number), "text": f" mail a{number}@b.com\n안녕 ", "source": "s",
                          "at": "2026-01-02T03:04:05Z"}).encode() for number in range(5)]
    schemas, masker = {"t": TEXTS, "p": PREDICTIONS}, Masker(("KR",))
    at_once = prepare([batch_of(*values)], schemas, masker, NOW)
    one_by_one = prepare([batch_of(*values, b"bad")], schemas, masker, NOW)
    assert at_once.rows == one_by_one.rows
    assert (at_once.keys == one_by_one.keys).all()
    assert (at_once.n_masked, one_by_one.n_masked, len(one_by_one.dead)) == (5, 5, 1)
    row = at_once.rows.to_pylist()[0]
    assert row["text"] == "mail [EMAIL] 안녕" == normalize(row["text"])
    assert row["text_hash"] == text_hash(row["text"])


def test_predictions_keep_what_was_predicted():
    value = json.dumps(PREDICTION).encode()
    rows = prepare([RawBatch.of(("p", 1), [value], [7])], {"p": PREDICTIONS}, None, NOW).rows.to_pylist()
    expected = decode(batch_of(value), PREDICTIONS, NOW).events[0]
    assert (rows[0]["label"], rows[0]["model_version"], rows[0]["at"]) == ("l", 1, expected.at)
    assert (rows[0]["kind"], rows[0]["partition"], rows[0]["offset"]) == ("prediction", 1, 7)
