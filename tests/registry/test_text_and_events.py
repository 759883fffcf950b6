"""Normalization never changes its mind, and the frozen samples of the events stay readable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from registry.events import DeadLetter, LabelSpaceChanged, PredictionServed, TextReceived
from registry.text import MAX_CHARS, normalize, text_hash

TEXT = {"id": "m-1", "text": "카드를 잃어버렸어요", "task": "intents", "source": "chat", "subject": "user-7",
        "at": "2026-01-02T03:04:05Z"}
PREDICTION = {"id": "p-1", "task": "intents", "text": "hello", "label": "greeting", "confidence": 0.9,
              "novelty": 0.1, "model_version": 3, "label_space": 1, "at": "2026-01-02T03:04:05+09:00"}
LABEL_SPACE = {"id": "label-space-7", "task": "intents", "model_version": 3, "label_space": 2, "before": 1,
               "added": ["crypto"], "removed": [], "at": "2026-01-02T03:04:05Z"}
DEAD_LETTER = {"reason": "invalid JSON", "topic": "hypermatch.texts", "partition": 0, "offset": 12,
               "value": "/v8=", "at": "2026-01-02T03:04:05Z"}


@given(st.text(st.characters(), max_size=300))
def test_normalizing_twice_changes_nothing_and_the_result_encodes(text):
    once = normalize(text)
    assert normalize(once) == once
    once.encode()
    assert len(once) <= MAX_CHARS and not any(ord(char) < 32 for char in once)


def test_composed_and_decomposed_hangul_are_one_text():
    composed, decomposed = "각하", "\u1100\u1161\u11a8\u1112\u1161"
    assert text_hash(normalize(composed)) == text_hash(normalize(decomposed))


def test_long_texts_are_cut_and_control_characters_become_one_space():
    assert len(normalize("가" * 100_000)) == MAX_CHARS
    assert normalize("a\x00\r\n\tb\x7f") == "a b"
    assert normalize("\ud800x") == "\ufffdx"


@pytest.mark.parametrize(("event", "sample"), [(TextReceived, TEXT), (PredictionServed, PREDICTION),
                                               (LabelSpaceChanged, LABEL_SPACE), (DeadLetter, DEAD_LETTER)])
def test_frozen_samples_stay_readable_and_unknown_fields_are_ignored(event, sample):
    read = event.model_validate_json(json.dumps({**sample, "from_the_future": 1}))
    assert json.loads(read.model_dump_json()).keys() >= sample.keys()


def test_a_dead_letter_gives_back_the_raw_bytes():
    assert DeadLetter.model_validate(DEAD_LETTER).raw == b"\xfe\xff"


@pytest.mark.parametrize("change", [{"id": ""}, {"id": None}, {"text": ""}, {"text": 5}, {"at": "yesterday"},
                                    {"at": "2026-01-02T03:04:05"}, {"text": "x" * 1_000_001}])
def test_events_that_break_the_schema_are_refused(change):
    with pytest.raises(ValidationError):
        TextReceived.model_validate({**TEXT, **change})
