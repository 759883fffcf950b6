"""Words that may stand for one another: WordNet's where it is at hand, else the nearest of the encoder's."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from trainer.augmentation.words import MIN_CHARS, frequent_words, words_of

Embed = Callable[[Sequence[str]], np.ndarray]


class Synonyms(Protocol):
    """Finds words near to a word; their order is their rank."""

    def of(self, word: str) -> list[str]: ...

    def opposites(self, word: str) -> frozenset[str]:
        """Return the words known to mean the opposite; empty where nothing is known."""
        ...


class WordNet:
    """English synonyms and antonyms from the WordNet data of nltk on this machine."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader

    def of(self, word: str) -> list[str]:
        """Return single words that share a sense with `word`, those of its commonest senses first."""
        names = [name for synset in self.reader.synsets(word) for name in synset.lemma_names()]
        return list(dict.fromkeys(name for name in names if name.casefold() != word.casefold() and name.isalpha()))

    def opposites(self, word: str) -> frozenset[str]:
        return frozenset(opposite.name().casefold() for synset in self.reader.synsets(word)
                         for lemma in synset.lemmas() if lemma.name().casefold() == word.casefold()
                         for opposite in lemma.antonyms())


class NearestWords:
    """The bank's frequent words by the cosine of their vectors, at least `min_cosine`; any language."""

    def __init__(self, embed: Embed, texts: Sequence[str], vocabulary: Sequence[str], n: int,
                 min_cosine: float) -> None:
        asked = sorted({word.core.casefold() for text in texts for word in words_of(text)
                        if len(word.core) >= MIN_CHARS})
        self.near = _nearest(asked, list(vocabulary), embed, n, min_cosine) if asked and vocabulary else {}

    def of(self, word: str) -> list[str]:
        return self.near.get(word.casefold(), [])

    def opposites(self, word: str) -> frozenset[str]:
        return frozenset()


def wordnet_at_hand() -> WordNet | None:
    """Return WordNet if nltk finds its data on this machine; nothing is downloaded."""
    # imported here: 1 s that a run without edits need not wait
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    for name in ("corpora/wordnet", "corpora/wordnet.zip/wordnet/"):
        try:
            with warnings.catch_warnings():           # of other languages, which are not asked for
                warnings.simplefilter("ignore")
                return WordNet(WordNetCorpusReader(nltk.data.find(name), omw_reader=None))
        except LookupError:
            continue
    return None


def synonyms_for(texts: Sequence[str], bank: Sequence[str], embed: Embed, *, n: int, min_cosine: float,
                 max_words: int) -> Synonyms:
    """Return WordNet where it knows most words of `texts`, else the nearest words of the bank."""
    wordnet = wordnet_at_hand()
    if wordnet is not None and _knows(wordnet, texts):
        return wordnet
    return NearestWords(embed, texts, frequent_words([*texts, *bank], least=2, most=max_words), n, min_cosine)


def _knows(wordnet: WordNet, texts: Sequence[str]) -> bool:
    asked = frequent_words(texts, least=1, most=200)
    return sum(bool(wordnet.reader.synsets(word)) for word in asked) > len(asked) / 3


def _nearest(asked: list[str], vocabulary: list[str], embed: Embed, n: int,
             min_cosine: float) -> dict[str, list[str]]:
    cosines = embed(asked) @ embed(vocabulary).T                                       # (asked, vocabulary)
    ranked = np.argsort(-cosines, axis=1, kind="stable")[:, : n + 1]
    return {word: [vocabulary[place] for place in ranked[row]
                   if cosines[row, place] >= min_cosine and vocabulary[place] != word][:n]
            for row, word in enumerate(asked)}
