"""A text as words between spaces, each with the punctuation that sticks to it; no language needs a parser."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
MIN_CHARS = 2                                         # a shorter word has no meaning of its own


@dataclass(frozen=True)
class Word:
    """What stands between two spaces."""

    before: str
    core: str
    after: str

    def __str__(self) -> str:
        return self.before + self.core + self.after

    def becomes(self, core: str) -> "Word":
        """Return the word with another core in the same dress: punctuation, and a capital where there was one."""
        is_capital = self.core[:1].isupper()
        return Word(self.before, core[:1].upper() + core[1:] if is_capital else core, self.after)


def words_of(text: str) -> list[Word]:
    """Split at spaces; joining the words with spaces gives the text again, but for runs of spaces."""
    return [Word(*found.groups()) for part in text.split() if (found := _WORD.match(part))]


def joined(words: Iterable[Word]) -> str:
    return " ".join(map(str, words))


def frequent_words(texts: Iterable[str], least: int, most: int) -> list[str]:
    """Return at most `most` words that occur in at least `least` texts, the commonest first; digits are no words."""
    counts = Counter(core for text in texts for core in {word.core.casefold() for word in words_of(text)}
                     if len(core) >= MIN_CHARS and core.isalpha())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [core for core, count in ranked[:most] if count >= least]
