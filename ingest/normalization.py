"""Normalizes and hashes whole batches, with the results of registry.text."""

import re
import unicodedata
from hashlib import blake2b

from registry.text import MAX_CHARS, normalize

CHUNK = 256                                    # texts judged by one look at all of them joined
SUSPECT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def normalize_all(texts: list[str]) -> list[str]:
    """Return registry.text.normalize of every text.

    Most chunks hold nothing to change but spaces at the ends: NFC is closed under
    substrings, so joined text in NFC without control characters means the same of
    each part, and one look serves 256 texts.
    """
    found: list[str] = []
    for begin in range(0, len(texts), CHUNK):
        chunk = texts[begin:begin + CHUNK]
        if is_plain("".join(chunk)):
            found.extend([cut(text.strip()) for text in chunk])
        else:
            found.extend(map(normalize, chunk))
    return found


def is_plain(joined: str) -> bool:
    if joined.isascii():
        return joined.isprintable()
    is_clean = joined.isprintable() or SUSPECT.search(joined) is None          # the first look is 5 times faster
    return is_clean and unicodedata.is_normalized("NFC", joined)


def cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS].rstrip()


def hash_all(texts: list[str]) -> list[str]:
    """Return registry.text.text_hash of every text."""
    return [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
