"""Text normalization shared by ingest, training and serving; its version travels in every bundle."""

import hashlib
import re
import unicodedata

NORMALIZATION_VERSION = 1
MAX_CHARS = 8_192                                     # a longer text is cut; 4 times the mean of long petitions

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def normalize(text: str) -> str:
    """Return `text` in NFC, without control characters, trimmed and at most MAX_CHARS long.

    Runs of control characters (line breaks too) become one space, lone surrogates
    U+FFFD, so that the result always encodes as UTF-8. Normalizing twice changes nothing.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS].rstrip()


def text_hash(text: str) -> str:
    """Return 32 hexadecimal digits that stand for the exact normalized text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
