"""Words, scripts and lengths of texts: what a person would count."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix

WORD = re.compile(r"\w{2,}")
MAX_CHARS = 2_000                                     # of a text that are read
SCRIPTS = ("LATIN", "HANGUL", "CJK", "HIRAGANA", "KATAKANA", "CYRILLIC", "ARABIC", "DIGIT", "other")


def words_of(text: str) -> set[str]:
    return set(WORD.findall(text[:MAX_CHARS].lower()))


def commonest(texts: Sequence[str], n: int) -> list[str]:
    """Return the words that most texts hold, ties in alphabetical order."""
    counts = Counter(word for text in texts for word in words_of(text))
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:n]]


def presence(texts: Sequence[str], words: Sequence[str]) -> np.ndarray:
    """Return which text holds which word, (n, n_words) of 0 and 1."""
    numbers = {word: number for number, word in enumerate(words)}
    places = [(row, numbers[word]) for row, text in enumerate(texts) for word in words_of(text) if word in numbers]
    rows, columns = zip(*places, strict=True) if places else ((), ())
    return csr_matrix((np.ones(len(places), np.float32), (rows, columns)), shape=(len(texts), len(words))).toarray()


def script_shares(texts: Sequence[str]) -> np.ndarray:
    """Return the share of each text's letters and digits that is of each script, (n, len(SCRIPTS))."""
    shares = np.zeros((len(texts), len(SCRIPTS)), np.float32)
    for row, text in enumerate(texts):
        for letter, count in Counter(text[:MAX_CHARS]).items():
            if letter.isalnum():
                shares[row, script_of(letter)] += count
    return shares / shares.sum(axis=1, keepdims=True).clip(min=1)


@lru_cache(maxsize=65_536)
def script_of(letter: str) -> int:
    """Return the number of a letter's script."""
    name = unicodedata.name(letter, "")
    return next((number for number, script in enumerate(SCRIPTS[:-1]) if script in name), len(SCRIPTS) - 1)


def lengths(texts: Sequence[str]) -> np.ndarray:
    return np.array([len(text) for text in texts], np.float32)
