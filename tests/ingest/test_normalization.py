"""Whole batches are normalized, hashed and deduplicated as single texts would be."""

import sys
from datetime import date

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duplicates import SeenTexts, keys
from ingest.normalization import hash_all, normalize_all
from registry.text import MAX_CHARS, normalize, text_hash

TRICKY = ["  spaces ", "e\u0301", "가", "line\nfeed", "\x85", "zero\u200bwidth", "\u3000wide\u3000", "",
          "x" * (MAX_CHARS + 5), "y" * (MAX_CHARS - 1) + " z", "\u0301begins with an accent", "plain"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=20) | st.sampled_from(TRICKY), max_size=30))
def test_a_batch_is_normalized_as_each_text_alone(texts):
    texts = [text for text in texts if is_unicode(text)]
    column = pa.array(["before", *texts], pa.string())[1:]
    assert normalize_all(column).to_pylist() == [normalize(text) for text in texts]
    assert hash_all(normalize_all(column)).to_pylist() == [text_hash(normalize(text)) for text in texts]


def is_unicode(text):
    return not any("\ud800" <= char <= "\udfff" for char in text)


def test_all_spaces_that_python_strips_are_trimmed():
    spaces = [chr(code) for code in range(sys.maxunicode) if chr(code).isspace()]
    assert normalize_all(pa.array([f"{space}a{space}" for space in spaces])).to_pylist() == ["a"] * len(spaces)


def test_no_other_character_is_trimmed_or_changed():
    codes = [code for code in range(sys.maxunicode) if not 0xd800 <= code <= 0xdfff]
    texts = ["".join(map(chr, codes[begin:begin + 50])) for begin in range(0, len(codes), 50)]
    assert normalize_all(pa.array(texts)).to_pylist() == [normalize(text) for text in texts]


def key_rows(texts, source="s", kind="text", version=None):
    n = len(texts)
    return pa.table({"text_hash": hash_all(pa.array(texts, pa.string())), "kind": [kind] * n, "source": [source] * n,
                     "task": pa.array([None] * n, pa.string()), "model_version": [version] * n})


def test_a_duplicate_has_the_same_text_kind_and_source():
    same, other = keys(key_rows(["a", "a", "b"])), keys(key_rows(["a"], source="other"))
    assert (same[0] == same[1]).all()
    assert (same[0] != same[2]).any()
    assert (same[0] != other[0]).any()


def test_predictions_of_two_model_versions_are_no_duplicates():
    one, two = (keys(key_rows(["a"], kind="prediction", version=version)) for version in (1, 2))
    assert (one != two).any()


def test_no_rows_have_no_keys():
    assert keys(key_rows([])).shape == (0, 2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8), max_size=12))
def test_seen_texts_behave_as_a_set(batches):
    seen, model = SeenTexts(limit=1_000), set()
    seen.start(date(2026, 1, 1), np.empty((0, 2), dtype=np.uint64))
    for batch in batches:
        found = np.array(batch, dtype=np.uint64).reshape(-1, 2)
        is_fresh = seen.fresh(found)
        for key, fresh in zip(batch, is_fresh, strict=True):
            assert fresh == (key not in model)
            model.add(key)
        seen.add(found[is_fresh])


def test_memory_of_seen_texts_is_bounded():
    seen, draw = SeenTexts(limit=10_000), np.random.default_rng(0)
    seen.start(date(2026, 1, 1), np.empty((0, 2), dtype=np.uint64))
    for _ in range(100):
        seen.add(draw.integers(0, 2**63, (1_000, 2)).astype(np.uint64))
    assert sum(map(len, seen.runs)) <= 10_000
