"""Normalizes and hashes whole columns, with the results of registry.text."""

import unicodedata
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.strings import borders, replaced
from registry.text import MAX_CHARS, normalize

CHUNK = 256                                    # texts judged by one look at all of them joined
# What str.strip takes away and is no control character.
SPACES = " \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def normalize_all(texts: pa.StringArray) -> pa.StringArray:
    """Return registry.text.normalize of every text; most need no more than trimming, which is done to all at once."""
    trimmed, odd = pc.utf8_trim(texts, SPACES), oddities(texts)
    if not len(odd):
        return trimmed
    return replaced(trimmed, odd, [normalize(text) for text in texts.take(pa.array(odd)).to_pylist()])


def oddities(texts: pa.StringArray) -> np.ndarray:
    """Return the numbers of the texts that need more than trimming, ascending."""
    offsets, content = borders(texts)
    odd = [with_controls(offsets, content), too_long(texts)]
    if not content.isascii():
        odd.append(not_composed(offsets, content))
    return np.unique(np.concatenate(odd))


def with_controls(offsets: np.ndarray, content: bytes) -> np.ndarray:
    found = np.frombuffer(content, dtype=np.uint8)
    is_control = (found < 0x20) | (found == 0x7F)
    if not content.isascii():
        is_control[1:] |= (found[:-1] == 0xC2) & (found[1:] < 0xA0)        # U+0080 to U+009F in UTF-8
    return np.searchsorted(offsets, np.flatnonzero(is_control), side="right") - 1


def too_long(texts: pa.StringArray) -> np.ndarray:
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest <= MAX_CHARS:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.asarray(pc.utf8_length(texts)) > MAX_CHARS)


def not_composed(offsets: np.ndarray, content: bytes) -> np.ndarray:
    """Return which texts are not in NFC.

    NFC is closed under substrings: joined texts in NFC mean the same of each, so one
    look serves all, or else 256.
    """
    if unicodedata.is_normalized("NFC", content.decode()):
        return np.empty(0, dtype=np.int64)
    ends, found = offsets.tolist(), []
    for begin in range(0, len(ends) - 1, CHUNK):
        chunk = ends[begin:begin + CHUNK + 1]
        if not unicodedata.is_normalized("NFC", content[chunk[0]:chunk[-1]].decode()):
            found += [number for number, (left, right) in enumerate(pairwise(chunk), begin)
                      if not unicodedata.is_normalized("NFC", content[left:right].decode())]
    return np.array(found, dtype=np.int64)


def hash_all(texts: pa.StringArray) -> pa.StringArray:
    """Return registry.text.text_hash of every text."""
    offsets, content = borders(texts)
    begun, digests = blake2b(digest_size=16), []
    for begin, end in pairwise(offsets.tolist()):
        hashed = begun.copy()                  # a fifth cheaper than beginning anew
        hashed.update(content[begin:end])
        digests.append(hashed.digest())
    ends = np.arange(len(texts) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(digests).hex().encode()))
