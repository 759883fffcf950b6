"""Says whether a candidate is what it looks like: check digits, calendars, numbering plans."""

import re
from functools import lru_cache

import phonenumbers
from stdnum import iban, luhn
from stdnum.kr import rrn

DIGITS = re.compile(r"\D")
DATE = re.compile(r"^(?:19|20)\d\d[ .-]?(?:0?[1-9]|1[0-2])[ .-]?(?:0?[1-9]|[12]\d|3[01])$")
# First digits of payment cards: Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, Maestro, Korean domestic 9.
CARD_BEGINS = re.compile(r"^(?:4|5[0-8]|2[2-7]|3[04-9]|6|9)")


def is_card(candidate: str) -> bool:
    """Luhn's check digit, a length and first digits that cards have, grouped as cards are or not at all."""
    digits = DIGITS.sub("", candidate)
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    groups = re.split(r"[ -]", candidate)
    is_grouped = len(groups) == 1 or all(3 <= len(group) <= 7 for group in groups)
    return is_grouped and CARD_BEGINS.match(digits) is not None and luhn.is_valid(digits)


def is_iban(candidate: str) -> bool:
    return bool(iban.is_valid(candidate))


def is_resident_number(candidate: str) -> bool:
    """A date of birth and a check digit; numbers given since October 2020 have none, so a written hyphen suffices."""
    digits = DIGITS.sub("", candidate)
    if not is_birth_date(digits):
        return False
    return "-" in candidate or bool(rrn.is_valid(digits))


def is_birth_date(digits: str) -> bool:
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31


@lru_cache(maxsize=4_096)
def is_phone(candidate: str, regions: tuple[str, ...]) -> bool:
    """A number that one of the regions' numbering plans assigns, or any written with + and its country."""
    text = candidate.strip()
    if DATE.match(text) or not 7 <= len(DIGITS.sub("", text)) <= 15:
        return False
    if text.startswith("+"):
        return is_assigned(text, None)
    if not looks_dialed(text):
        return False
    return any(is_assigned(text, region) for region in regions)


def looks_dialed(text: str) -> bool:
    """Bare digits are an order number unless they begin as national numbers do, with 0."""
    return text.startswith(("0", "(")) or re.search(r"\d[ .-]\(?\d", text) is not None


def is_assigned(text: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False
