"""Where personal data may be: one look over a whole batch, and a pattern per kind."""

import re

# What none of the kinds can do without: an @, or six digits with at most two separators between neighbors. RE2.
SUSPICIOUS = r"@|[0-9０-９](?:[ ().\-–+/]{0,3}[0-9０-９]){5}|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}"

EMAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}(?:[A-Za-z]{2,24}|한국)(?![A-Za-z0-9_@-])")

# Groups of four, or none: what else looks like a card is an order number.
CARD = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d]|[.,-]\d)", re.ASCII)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){2,8}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
RRN = re.compile(r"(?<![\d-])\d{6}\s?-?\s?[1-8]\d{6}(?![\d]|-\d)", re.ASCII)
PHONE = re.compile(r"(?<![\w.,:/#-])(?:\+|00)?\(?\d{1,4}\)?(?:[ .-]?\(?\d{1,4}\)?){1,5}(?![\d]|[.,:/-]\d)", re.ASCII)
