"""Tells in the reader's language what other parts wrote in English; what no pattern fits stays as it is."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.accounts.roles import Role
from registry.console.words import FOLDER, LANGUAGES
from registry.tables import ProposalState, Stage

LONGEST, MOST_PIECES = 1_000, 12                      # characters, pieces: a hostile text costs little
_PLACE = re.compile(r"\{(\w+)\}")
_SEPARATOR = re.compile(r"[;:,] ")
_STATES = "|".join(re.escape(each.value) for each in (*Stage, *ProposalState))
_KINDS = {                                            # how the name of a place begins -> what may stand there
    "stage": rf"(?:{_STATES})(?: or (?:{_STATES}))*",
    "role": "|".join(each.value for each in Role),
}
_FREE = ("told", "reason", "why")


@dataclass(frozen=True)
class Phrase:
    """What the English looks like, and what is said instead."""

    pattern: re.Pattern[str]
    says: str


Phrases = Mapping[str, list[Phrase]]                  # language -> phrases, the most particular first


def load_phrases() -> Phrases:
    """Read the catalogs of phrases; English needs none."""
    found = {language: FOLDER / f"{language}-phrases.toml" for language in LANGUAGES}
    return {language: [Phrase(_pattern(english), says) for english, says in _by_length(_read(path))]
            for language, path in found.items() if path.exists()}


def say(text: str, phrases: list[Phrase], words: Mapping[str, str]) -> str:
    """Return a text in the language of `phrases`; where none fits the whole, piece by piece, the longest first."""
    if len(text) > LONGEST:
        return text
    if (whole := _said(text, phrases, words)) is not None:
        return whole
    for found in reversed(list(_SEPARATOR.finditer(text))[:MOST_PIECES]):
        if (head := _said(text[: found.start()], phrases, words)) is not None:
            return f"{head}{found.group()}{say(text[found.end() :], phrases, words)}"
    head, separator, rest = text.partition("; ")
    return f"{head}{separator}{say(rest, phrases, words)}" if separator else text


def _said(text: str, phrases: list[Phrase], words: Mapping[str, str]) -> str | None:
    for phrase in phrases:
        if found := phrase.pattern.fullmatch(text):
            return phrase.says.format(**{name: _value(name, value, phrases, words)
                                         for name, value in found.groupdict().items()})
    return None


def _value(name: str, value: str, phrases: list[Phrase], words: Mapping[str, str]) -> str:
    """Return what fills a place: stages and roles by their words, a phrase within the phrase, or the value itself."""
    kind = name.split("_", maxsplit=1)[0]
    if kind == "told":
        return say(value, phrases, words)
    return " · ".join(_word(each, words) for each in value.split(" or ")) if kind in _KINDS else value


def _word(value: str, words: Mapping[str, str]) -> str:
    keys = (f"{kind}.{value.replace(' ', '_')}" for kind in ("stage", "proposal", "role"))
    return next((words[key] for key in keys if key in words), value)


def _read(path: Path) -> dict[str, str]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _by_length(phrases: dict[str, str]) -> list[tuple[str, str]]:
    """Return the phrases whose own words are most first, so that a vaguer one never hides them."""
    return sorted(phrases.items(), key=lambda phrase: -len(_PLACE.sub("", phrase[0])))


def _pattern(english: str) -> re.Pattern[str]:
    pieces = _PLACE.split(english)                    # words, name, words, name, words
    return re.compile("".join(_place(piece, is_first=number == 1 and not pieces[0]) if number % 2 else re.escape(piece)
                              for number, piece in enumerate(pieces)), re.DOTALL)


def _place(name: str, is_first: bool) -> str:
    """Return what may stand in a place; only what people or other phrases say goes beyond one piece of the text."""
    kind = name.split("_", maxsplit=1)[0]
    anything = ".+?" if kind in _FREE else "[^:;]+?" if is_first else "[^;]+?"
    return f"(?P<{name}>{_KINDS.get(kind, anything)})"
