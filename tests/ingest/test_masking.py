"""Personal data is masked, and what only looks like it is not."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.masking import Masker

MASKER = Masker(("KR", "US"))

MASKED = [
    ("card 4111 1111 1111 1111 was charged", "card [CARD] was charged"),
    ("카드번호는 5500-0000-0000-0004입니다", "카드번호는 [CARD]입니다"),
    ("amex 378282246310005.", "amex [CARD]."),
    ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [IBAN] please"),
    ("send to GB82WEST12345698765432", "send to [IBAN]"),
    ("write to Jane.Doe+x@mail.example.co.uk!", "write to [EMAIL]!"),
    ("메일은 hong@naver.com이에요", "메일은 [EMAIL]이에요"),
    ("call 010-1234-5678 now", "call [PHONE] now"),
    ("01012345678로 연락주세요", "[PHONE]로 연락주세요"),
    ("사무실 02-123-4567", "사무실 [PHONE]"),
    ("+82 10 1234 5678", "[PHONE]"),
    ("my number is (415) 555-2671", "my number is [PHONE]"),
    ("london +44 20 7946 0958?", "london [PHONE]?"),
    ("주민번호 900101-1234568 맞나요", "주민번호 [RRN] 맞나요"),
    ("210315-3123456", "[RRN]"),
    ("a@b.co and 010-1234-5678", "[EMAIL] and [PHONE]"),
]

NOT_MASKED = [
    "order 2024010112345", "주문번호 20240101-0001234 확인", "가격은 1,234,567원입니다", "on 2024-01-02 at 13:00:59",
    "2024.01.02", "ip 192.168.100.200", "version 1.2.3.4.5.6", "운송장 1234-5678-9012", "card 4111 1111 1111 1112",
    "IBAN DE89 3704 0044 0532 0130 01", "it costs $1299.99", "@mention and #tag", "user@localhost",
    "room 1004, floor 12", "5 + 3 = 8", "19900101", "0000000000000000", "비밀번호 123456", "3.14159265358979",
    "http://example.com/item/123456789012", "2024-01-02 2024-01-03", "ISBN 978-3-16-148410-0", "", "안녕하세요",
]


def mask_all(*texts):
    return MASKER.mask_all(pa.array(texts, pa.string()))


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_personal_data_is_masked(text, expected):
    assert mask_all("plain", text, "plain") == {1: expected}


@pytest.mark.parametrize("text", NOT_MASKED)
def test_what_only_looks_like_personal_data_stays(text):
    assert mask_all(text) == {}


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_masking_twice_changes_nothing(text, expected):
    assert MASKER.mask(MASKER.mask(text)) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("0123456789 -()+.@abAB가나"), max_size=40))
def test_the_look_over_a_batch_misses_nothing_that_a_close_look_masks(text):
    expected = MASKER.mask(text)
    assert mask_all(text) == ({} if expected == text else {0: expected})


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_masked_and_then_stays_as_it_is(text):
    text = text.encode("utf-8", "replace").decode()
    assert MASKER.mask(MASKER.mask(text)) == MASKER.mask(text)


def test_a_long_hostile_text_does_not_take_long():
    for text in ("1 " * 4_000, "a." * 4_000 + "@", "a@" * 4_000, "(" * 8_000, "AB12 " * 1_600, "1-" * 4_000):
        MASKER.mask(text)                      # seconds would be a catastrophe; the test's timeout would tell
