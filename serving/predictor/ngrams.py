"""Texts to hashed character n-grams: any language, no vocabulary, vectorized over the code points of a batch."""

from itertools import zip_longest

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from serving.errors import UnfitBundle

_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SPACE = np.uint32(0x20)
_LAST_CHARS, _FIRST_CHARS, _MOST_WORDS = 5, 3, 12     # what `has_edges` hashes of a text's last and first word
_EDGES = [("end", n) for n in range(1, _LAST_CHARS + 1)] + [("begin", n) for n in range(1, _FIRST_CHARS + 1)]


class NgramConfig(BaseModel):
    """Which n-grams count; it travels in the bundle as `ngrams.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_min: int = Field(2, ge=1, le=8)
    n_max: int = Field(4, ge=1, le=8)
    n_buckets: int = Field(2**17, ge=2, le=2**26, description="Ids are 1..n_buckets; 0 is padding.")
    max_chars: int = Field(512, ge=1, le=8_192, description="Characters of a text that are read.")
    is_lowercased: bool = True
    has_words: bool = Field(True, description="Hash whole words too, whatever their length.")
    has_edges: bool = Field(False, description="Hash how the text ends and begins, and how many words it has.")

    @model_validator(mode="after")
    def _has_ngrams(self) -> "NgramConfig":
        if self.n_min > self.n_max:
            raise ValueError(f"n_min {self.n_min} is more than n_max {self.n_max}")
        return self

    @property
    def n_rows(self) -> int:
        """Rows of the embedding table: one per bucket and one for padding."""
        return self.n_buckets + 1


class NgramFeatures:
    """`texts -> {"ngram_ids"}`, int64 (B, L), L the most n-grams of a text in the batch.

    Each word stands between spaces, which mark its borders; no n-gram reaches across
    one. The hash is FNV-1a over code points, the same on every machine and in every run.
    """

    inputs = ("ngram_ids",)
    pad_id = 0

    def __init__(self, config_json: bytes) -> None:
        try:
            self.config = NgramConfig.model_validate_json(config_json)
        except ValidationError as error:
            raise UnfitBundle(f"ngrams.json cannot be read: {error.errors()[0]['msg']}") from error

    def __call__(self, texts: list[str]) -> dict[str, np.ndarray]:
        points, rows = self._code_points(texts)
        grams = [_grams(points, rows, n) for n in range(self.config.n_min, self.config.n_max + 1)]
        if self.config.has_words:
            grams.append(_words(points, rows, longer_than=self.config.n_max - 2))
        if self.config.has_edges:
            grams += _edges(points, rows, len(texts))
        hashes, owners = (np.concatenate(parts) for parts in zip(*grams, strict=True))
        ids = (_mix(hashes) % np.uint64(self.config.n_buckets)).astype(np.int64) + 1
        return {"ngram_ids": _padded(ids, owners, len(texts))}

    def _code_points(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the code points of all texts, a space around each word, and the row each belongs to."""
        spaced = [self._spaced(text) for text in texts]
        lengths = np.fromiter(map(len, spaced), dtype=np.int64, count=len(spaced))
        points = np.frombuffer("".join(spaced).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        return points, np.repeat(np.arange(len(texts), dtype=np.int32), lengths)

    def _spaced(self, text: str) -> str:
        text = text[: self.config.max_chars]
        return f" {' '.join((text.lower() if self.config.is_lowercased else text).split())} "


def _grams(points: np.ndarray, rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash every run of `n` code points within one word and its two borders."""
    n_runs = max(len(points) - n + 1, 0)
    hashes = np.full(n_runs, _FNV_OFFSET ^ np.uint64(n))
    for shift in range(n):
        hashes = (hashes ^ points[shift : shift + n_runs]) * _FNV_PRIME
    within = _is_within_a_word(points == _SPACE, n) & (rows[:n_runs] == rows[n - 1 : n - 1 + n_runs])
    return hashes[within], rows[:n_runs][within]


def _is_within_a_word(is_space: np.ndarray, n: int) -> np.ndarray:
    """Say of each run of `n` code points whether spaces stand at its ends only, and something between them."""
    n_runs = max(len(is_space) - n + 1, 0)
    n_before = np.concatenate([[0], np.cumsum(is_space)])           # spaces before each position
    n_spaces = n_before[n : n + n_runs] - n_before[:n_runs]
    n_inner = n_before[max(n - 1, 1) : max(n - 1, 1) + n_runs] - n_before[1 : 1 + n_runs]
    return (n_inner == 0) & (n_spaces < n)


def _words(points: np.ndarray, rows: np.ndarray, longer_than: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash every word longer than what the n-grams with both borders hold already.

    A polynomial hash: the difference of two prefix sums is a word wherever it stands,
    once divided by the power it begins with (odd, so it has an inverse modulo 2**64).
    """
    borders = np.flatnonzero(points == _SPACE)
    starts, ends = borders[:-1] + 1, borders[1:]
    is_word = ends - starts > max(longer_than, 0)
    starts, ends = starts[is_word], ends[is_word]
    longest = len(points) + 1
    powers = _powers(int(_FNV_PRIME), longest)
    inverses = _powers(pow(int(_FNV_PRIME), -1, 2**64), longest)
    terms = _mix(points.astype(np.uint64) + np.uint64(1)) * powers[:-1]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
    return (sums[ends] - sums[starts]) * inverses[starts], rows[starts]


def _edges(points: np.ndarray, rows: np.ndarray, n_texts: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Hash the ends of each text's last word, the beginnings of its first, and its number of words.

    Verb endings at the end of a Korean sentence say whether it asks, orders or states;
    among all other n-grams of the text they would be lost.
    """
    owners = np.arange(n_texts, dtype=np.int32)
    n_before = np.concatenate([[0], np.cumsum(points == _SPACE)])
    first, last = np.searchsorted(rows, owners) + 1, np.searchsorted(rows, owners, side="right") - 2
    n_words = np.minimum(n_before[last + 2] - n_before[first - 1] - 1, _MOST_WORDS).astype(np.uint64)
    lengths = np.array([[n] for _, n in _EDGES])                                          # (E, 1)
    starts = np.where([[kind == "end"] for kind, _ in _EDGES], last - lengths + 1, first)             # (E, n_texts)
    whole = (starts >= first) & (starts + lengths - 1 <= last)
    begin = np.where(whole, starts, 0)
    whole &= n_before[np.where(whole, starts + lengths, 0)] == n_before[begin]            # the word is long enough
    hashes = _salted(_hash_runs(points, begin, lengths), [f"{kind} {n}" for kind, n in _EDGES])
    return [(_salted(n_words[None], ["words"])[0], owners),
            (hashes[whole], np.broadcast_to(owners, whole.shape)[whole])]


def _hash_runs(points: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Hash the runs from `starts` (E, n) that are as long as the `lengths` (E, 1) of their row.

    All rows at once: few texts cost as many calls of numpy as many do.
    """
    hashes = np.full(starts.shape, _FNV_OFFSET)
    for shift in range(int(lengths.max())):
        is_in = lengths > shift
        at = np.minimum(starts + shift, len(points) - 1)
        hashes = (hashes ^ np.where(is_in, points[at], 0)) * np.where(is_in, _FNV_PRIME, np.uint64(1))
    return hashes


def _salted(hashes: np.ndarray, salts: list[str]) -> np.ndarray:
    """Keep apart what the same characters mean in another place; each row of (E, n) has its salt."""
    for byte in zip_longest(*(salt.encode() for salt in salts)):
        salt = np.array([[each or 0] for each in byte], dtype=np.uint64)
        factor = np.array([[1 if each is None else int(_FNV_PRIME)] for each in byte], dtype=np.uint64)
        hashes = (hashes ^ salt) * factor
    return hashes


def _powers(base: int, n: int) -> np.ndarray:
    factors = np.full(n, np.uint64(base))
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def _mix(hashes: np.ndarray) -> np.ndarray:
    """Spread every bit over all others (the finalizer of SplitMix64)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def _padded(ids: np.ndarray, owners: np.ndarray, n_texts: int) -> np.ndarray:
    """Lay the ids of each text in its row, padding (0) behind them; (B, L) with L >= 1."""
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=n_texts)
    ngram_ids = np.zeros((n_texts, max(int(counts.max(initial=0)), 1)), dtype=np.int64)
    ngram_ids[np.arange(ngram_ids.shape[1]) < counts[:, None]] = ids[order]
    return ngram_ids
