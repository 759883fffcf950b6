"""How a stranger's text enters a prompt: one visible line, capped, unable to name a label; how answers are read."""

import random
import re
import unicodedata
from collections.abc import Sequence

from registry.text import normalize

CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"                 # no vowels: codes are no words
CODE_LENGTH = 3                                       # 8,000 codes; a label space has at most 10,000 labels
LONG_CODE_LENGTH = 4
FEW_LABELS = 2_000                                    # below it most draws of short codes miss the text


def shown(text: str, max_chars: int) -> str:
    """Return `text` as one visible line of at most `max_chars`."""
    visible = "".join(letter for letter in normalize(text) if unicodedata.category(letter) != "Cf")
    line = " ".join(visible.split())
    return line if len(line) <= max_chars else line[: max_chars - 1].rstrip() + "…"


def codes(n: int, texts: Sequence[str], seed: str) -> list[str]:
    """Draw `n` different codes none of which occurs in any of `texts`.

    So a text cannot contain the code of a label, whoever wrote it and whatever they
    guessed; the same seed gives the same codes to all texts that contain none of them.
    """
    randomness = random.Random(seed)
    length = CODE_LENGTH if n <= FEW_LABELS else LONG_CODE_LENGTH
    written = "\n".join(texts).upper()
    drawn: dict[str, None] = {}
    while len(drawn) < n:
        code = "".join(randomness.choices(CODE_LETTERS, k=length))
        if code not in written:
            drawn[code] = None
    return list(drawn)


def parsed_code(answer: str, ids: Sequence[str]) -> int | None:
    """Return the position of the one code that the first line of an answer consists of; None for anything else."""
    lines = answer.strip().splitlines()
    found = re.fullmatch(r"[\[(\"'`*]*([A-Z]+)[\])\"'`*.]*", lines[0].strip()) if lines else None
    return ids.index(found.group(1)) if found and found.group(1) in ids else None


def written_line(answer: str, mark: str) -> str:
    """Return the text that a model wrote between marks: one line, the marks gone."""
    inside = answer.split(f"</{mark}>", maxsplit=1)[0].strip().removeprefix(f"<{mark}>")
    lines = [line for line in inside.splitlines() if line.strip()]
    return normalize(lines[0]) if lines else ""


def written_lines(answer: str) -> list[str]:
    """Return the lines of a list without its numbers, bullets and quotes."""
    bare = [re.sub(r"^\s*(?:\d{1,3}[.):]|[-*•])\s+", "", line).strip().strip("\"“”") for line in answer.splitlines()]
    return [normalize(line) for line in bare if line]


def masked(text: str, words: Sequence[str]) -> str:
    """Return `text` with every label's words, where they stand verbatim, replaced by an ellipsis."""
    longest_first = sorted({word for word in words if word}, key=len, reverse=True)
    pattern = "|".join(re.escape(word) for word in longest_first)
    return re.sub(rf"(?<!\w)(?:{pattern})", "…", text, flags=re.IGNORECASE) if pattern else text
