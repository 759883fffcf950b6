"""What the servers are asked: real texts of 8 to 128 tokens, alone or in lists, over some connections."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tokenizers import Tokenizer

from infra.demo.cast import deal
from registry.errors import HyperMatchError
from registry.text import normalize

SHORTEST, LONGEST = 8, 128                            # tokens, those that mark begin and end included
MIXED = "mixed"                                       # lengths drawn log-uniformly: half of the texts below 32 tokens
BASE_CONNECTIONS = 32
N_TEXTS = 128                                         # different ones of each length


@dataclass(frozen=True)
class Workload:
    """Lists of `texts` texts of one length over `connections` connections."""

    texts: int
    connections: int
    length: str

    @property
    def key(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.texts} x {self.connections}, {self.length} tokens"


def star(texts: Sequence[int], connections: Sequence[int], lengths: Sequence[str], most_waiting: int) -> list[Workload]:
    """Return each list size over each number of connections on the first length, and single requests of the others.

    What would have more than `most_waiting` texts wait at once is left out.
    """
    first, *others = lengths
    found = [Workload(size, count, first) for size in texts for count in connections if size * count <= most_waiting]
    middle = BASE_CONNECTIONS if BASE_CONNECTIONS in connections else connections[-1]
    found += [Workload(texts[0], middle, length) for length in others]
    if not found:
        raise HyperMatchError("no workload is left", "ask for shorter lists or fewer --connections")
    return found


def checked_length(length: str) -> str:
    if length != MIXED and not (length.isdigit() and SHORTEST <= int(length) <= LONGEST):
        raise HyperMatchError(f"{length!r} is no length", f"give tokens from {SHORTEST} to {LONGEST}, or {MIXED}")
    return length


def texts_of(length: str, tokenizer_json: bytes, seed: int = 0) -> list[str]:
    """Return texts of so many tokens each (blanks at the cut are lost): real ones, joined and cut between tokens."""
    draw, tokenizer = random.Random(f"{seed} {length}"), Tokenizer.from_buffer(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    real = [normalize(text) for text, _ in deal(0).test]
    found = [_cut(draw, real, tokenizer, n) for n in _lengths(length, draw)]
    return [text for text in dict.fromkeys(found) if text]


def requests_of(texts: Sequence[str], size: int, seed: int = 0) -> list[list[str]]:
    """Return lists of `size` texts; each text occurs about as often."""
    draw, found = random.Random(seed), []
    for _ in range(max(len(texts) // size, 32)):
        found.append(draw.sample(texts, size) if size <= len(texts) else draw.choices(texts, k=size))
    return found if size > 1 else [[text] for text in texts]


def _lengths(length: str, draw: random.Random) -> Iterator[int]:
    for _ in range(N_TEXTS):
        yield round(math.exp(draw.uniform(math.log(SHORTEST), math.log(LONGEST)))) if length == MIXED else int(length)


def _cut(draw: random.Random, real: Sequence[str], tokenizer: Tokenizer, n_tokens: int) -> str:
    text = ""
    while True:
        text = f"{text} {draw.choice(real)}".strip()
        encoding = tokenizer.encode(text)
        if len(encoding.ids) >= n_tokens:
            n_marks = sum(encoding.special_tokens_mask)
            end = [offset for offset, mark in zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
                   if not mark][n_tokens - n_marks - 1][1]
            return normalize(text[:end])                # peers do not normalize, and are to answer the same
