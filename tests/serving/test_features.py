"""Features are the same in every batch, and hold what they promise."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import UnfitBundle
from serving.predictor import NgramConfig, NgramFeatures, TokenFeatures
from tests.serving.bundles import TEXTS, tokenizer_json

CONFIG = NgramConfig(n_min=1, n_max=4, n_buckets=2**20, max_chars=64)


@pytest.fixture(scope="module")
def ngrams():
    return NgramFeatures(CONFIG.model_dump_json().encode())


def expected_grams(text):
    """The slow definition: every n-gram of each word between its borders, and long words whole."""
    words = text[: CONFIG.max_chars].lower().split()
    grams = [f" {word} "[start : start + n] for word in words for n in range(CONFIG.n_min, CONFIG.n_max + 1)
             for start in range(len(word) + 3 - n) if f" {word} "[start : start + n].strip()]
    return grams + [f"word:{word}" for word in words if len(word) > CONFIG.n_max - 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_ngrams_are_those_of_the_slow_definition(ngrams, texts):
    ids = ngrams(texts)["ngram_ids"]
    for row, text in zip(ids, texts, strict=True):
        found, expected = row[row > 0], expected_grams(text)
        assert len(found) == len(expected)
        assert len(set(found.tolist())) <= len(set(expected))
        alone = ngrams([text])["ngram_ids"][0]
        assert sorted(alone[alone > 0].tolist()) == sorted(found.tolist())


def test_ngram_ids_never_change(ngrams):
    ids = ngrams(["카드 ok"])["ngram_ids"][0].tolist()
    assert ids == FROZEN_IDS


FROZEN_IDS = [942710, 29248, 999159, 17043, 875244, 491388, 152935, 525313, 43281,
              576409, 1047362, 1041478, 255459, 1014059, 738443, 474422]


def test_a_word_has_one_id_wherever_it_stands(ngrams):
    only_words = NgramFeatures(NgramConfig(n_min=1, n_max=1, n_buckets=2**26).model_dump_json().encode())
    first, second = only_words(["transfer pending", "why is my transfer late"])["ngram_ids"]
    assert len(set(first.tolist()) & set(second.tolist()) - {0}) >= 1
    assert ngrams(["a b"])["ngram_ids"].dtype == np.int64


def expected_edges(text):
    """The slow definition: last characters of the last word, first of the first, and the number of words."""
    words = text.lower().split()
    ends = {("end", words[-1][-n:]) for n in range(1, min(len(words[-1]), 5) + 1)}
    begins = {("begin", words[0][:n]) for n in range(1, min(len(words[0]), 3) + 1)}
    return ends | begins | {("words", min(len(words), 12))}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab ?", min_size=1, max_size=9).filter(str.strip), min_size=2, max_size=6))
def test_texts_share_the_edges_that_they_share_by_the_slow_definition(texts):
    edges = NgramFeatures(NgramConfig(n_min=1, n_max=1, has_words=False, has_edges=True,
                                      n_buckets=2**26).model_dump_json().encode())
    plain = NgramFeatures(NgramConfig(n_min=1, n_max=1, has_words=False, n_buckets=2**26).model_dump_json().encode())

    def found(text):
        return set(edges([text])["ngram_ids"][0].tolist()) - set(plain([text])["ngram_ids"][0].tolist())

    for text in texts:
        for other in texts:
            assert len(found(text) & found(other)) == len(expected_edges(text) & expected_edges(other))


def test_the_edges_of_a_text_are_the_same_in_every_batch():
    edges = NgramFeatures(CONFIG.model_copy(update={"has_edges": True}).model_dump_json().encode())
    texts = ["가격이 얼마예요?", "x", "오늘 갈게요"]

    for row, text in zip(edges(texts)["ngram_ids"], texts, strict=True):
        assert sorted(row[row > 0].tolist()) == sorted(edges([text])["ngram_ids"][0].tolist())


def test_tokens_are_padded_to_the_longest_text_only():
    features = TokenFeatures(tokenizer_json())(TEXTS)
    lengths = features["attention_mask"].sum(axis=1)
    assert features["input_ids"].shape == features["attention_mask"].shape == (len(TEXTS), lengths.max())
    assert lengths.max() <= 32 and (features["input_ids"][features["attention_mask"] == 0] == 0).all()


@pytest.mark.parametrize("broken", [
    {"truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 5}},
    {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
    {"post_processor": {"type": "TemplateProcessing", "pair": [], "special_tokens": {},
                        "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}]}},
    {"padding": [1]},
], ids=lambda broken: next(iter(broken)))
def test_a_tokenizer_that_its_library_panics_on_is_refused_like_one_that_cannot_be_read(broken):
    """A panic of the Rust library is no Exception: unnoticed, it would end the thread that looks for new versions."""
    spoiled = json.dumps({**json.loads(tokenizer_json()), **broken}).encode()
    with pytest.raises(UnfitBundle, match=r"tokenizer\.json cannot be"):
        TokenFeatures(spoiled)(TEXTS)


def test_ngrams_that_begin_longer_than_they_end_are_refused():
    with pytest.raises(UnfitBundle, match="n_min 5 is more than n_max 2"):
        NgramFeatures(b'{"n_min": 5, "n_max": 2, "has_words": false}')
