"""Replaces cards, IBANs, e-mail addresses, resident numbers and phone numbers by their kind."""

import re
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ingest.masking import checks, patterns


class Masker:
    """Masks texts by patterns and checks; `regions` are those whose national phone numbers are known.

    Masking twice changes nothing. Kinds go from the strictest check to the loosest, so
    that a card is not taken for a phone number.
    """

    def __init__(self, regions: tuple[str, ...]) -> None:
        self.kinds: list[tuple[str, re.Pattern[str], Callable[[str], bool]]] = [
            ("[EMAIL]", patterns.EMAIL, lambda candidate: True),
            ("[IBAN]", patterns.IBAN, checks.is_iban),
            ("[CARD]", patterns.CARD, checks.is_card),
            ("[RRN]", patterns.RRN, checks.is_resident_number),
            ("[PHONE]", patterns.PHONE, partial(checks.is_phone, regions=tuple(regions))),
        ]

    def mask_all(self, texts: list[str]) -> dict[int, str]:
        """Return the texts that masking changes, by index; only suspicious ones are looked at closely."""
        suspicious = pc.match_substring_regex(pa.array(texts, pa.string()), patterns.SUSPICIOUS)
        found = {index: self.mask(texts[index]) for index in pc.indices_nonzero(suspicious).to_pylist()}
        return {index: text for index, text in found.items() if text != texts[index]}

    def mask(self, text: str) -> str:
        for name, pattern, is_it in self.kinds:
            if name == "[EMAIL]" and "@" not in text:      # spares the pattern that looks at every word
                continue
            text = pattern.sub(lambda found: name if is_it(found[0]) else found[0], text)  # noqa: B023 - used at once
        return text
