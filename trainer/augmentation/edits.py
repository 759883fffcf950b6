"""EDA: a few words replaced, added, moved or dropped (Wei & Zou, EMNLP 2019, arXiv 1901.11196)."""

import random
from collections.abc import Callable, Sequence

from trainer.augmentation.synonyms import Synonyms
from trainer.augmentation.views import Report, distinct, silent
from trainer.augmentation.words import Word, joined, words_of

TRIES = 3                                             # edits per wanted view: some give the text back, or one another
Edit = Callable[[list[Word], int, random.Random], list[Word]]


class Eda:
    """The four operations in turn, each on `share` of a text's words and at least on one."""

    name = "eda"

    def __init__(self, synonyms: Synonyms, share: float = 0.1) -> None:
        self.synonyms, self.share = synonyms, share
        self.edits: tuple[Edit, ...] = (self.replaced, self.inserted, swapped, deleted)

    def views(self, texts: Sequence[str], n: int, seed: int, report: Report = silent) -> list[list[str]]:
        found = [self._of(text, n, random.Random(f"{seed} {text}")) for text in texts]
        report(1.0)
        return found

    def _of(self, text: str, n: int, randomness: random.Random) -> list[str]:
        words = words_of(text)
        n_edits = max(1, round(self.share * len(words)))
        first = randomness.randrange(len(self.edits))
        tried = [joined(self.edits[(first + number) % len(self.edits)](words, n_edits, randomness))
                 for number in range(TRIES * n)]
        return distinct(tried, text, n)

    def replaced(self, words: list[Word], n_edits: int, randomness: random.Random) -> list[Word]:
        """Put synonyms in the place of words that have some."""
        changed = list(words)
        places = [place for place, word in enumerate(words) if self.synonyms.of(word.core)]
        for place in randomness.sample(places, min(n_edits, len(places))):
            changed[place] = words[place].becomes(randomness.choice(self.synonyms.of(words[place].core)))
        return changed

    def inserted(self, words: list[Word], n_edits: int, randomness: random.Random) -> list[Word]:
        """Add synonyms of some words anywhere."""
        changed = list(words)
        known = [word for word in words if self.synonyms.of(word.core)]
        for _ in range(n_edits if known else 0):
            synonym = randomness.choice(self.synonyms.of(randomness.choice(known).core))
            changed.insert(randomness.randint(0, len(changed)), Word("", synonym, ""))
        return changed


def swapped(words: list[Word], n_edits: int, randomness: random.Random) -> list[Word]:
    """Let pairs of words change places; punctuation stays where it stood."""
    changed = list(words)
    for _ in range(n_edits if len(words) > 1 else 0):
        one, other = randomness.sample(range(len(changed)), 2)
        first, second = changed[one], changed[other]
        changed[one] = Word(first.before, second.core, first.after)
        changed[other] = Word(second.before, first.core, second.after)
    return changed


def deleted(words: list[Word], n_edits: int, randomness: random.Random) -> list[Word]:
    """Drop words, but never all."""
    gone = set(randomness.sample(range(len(words)), min(n_edits, len(words) - 1))) if words else set()
    return [word for place, word in enumerate(words) if place not in gone]
