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

    def mask_all(self, texts: pa.StringArray) -> dict[int, str]:
        """Return the texts that masking changes, by index; only suspicious ones are looked at closely."""
        indices = pc.indices_nonzero(pc.match_substring_regex(texts, patterns.SUSPICIOUS))
        masked = {index: (text, self.mask(text))
                  for index, text in zip(indices.to_pylist(), texts.take(indices).to_pylist(), strict=True)}
        return {index: after for index, (before, after) in masked.items() if after != before}

    def mask(self, text: str) -> str:
        for name, pattern, is_it in self.kinds:
            if name == "[EMAIL]" and "@" not in text:      # spares the pattern that looks at every word
                continue
            text = pattern.sub(lambda found: name if is_it(found[0]) else found[0], text)  # noqa: B023 - used at once
        return text
