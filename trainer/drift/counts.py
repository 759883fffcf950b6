"""Counts of a stretch of the stream that need no model: texts per source, lengths, scripts and commonest words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

N_WORDS = 500
SCRIPTS = {"latin": r"\p{Latin}", "hangul": r"\p{Hangul}", "han": r"\p{Han}", "kana": r"[\p{Hiragana}\p{Katakana}]",
           "cyrillic": r"\p{Cyrillic}", "arabic": r"\p{Arabic}", "digit": r"\p{N}"}
WORD_BREAK = r"[^\p{L}\p{N}_]+"


@dataclass(frozen=True)
class Counts:
    """Of n texts. Counts of neighboring stretches add up; only the words beyond the commonest are lost on the way."""

    n_texts: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)      # by the power of two that the characters reach
    scripts: dict[str, int] = field(default_factory=dict)      # texts that hold a letter of it
    words: dict[str, int] = field(default_factory=dict)        # texts that hold it, of the N_WORDS commonest

    def share(self, name: str, key: str) -> float:
        """Return the share of the texts that `key` of `sources`, `lengths`, `scripts` or `words` was counted in."""
        counted: dict[str, int] = getattr(self, name)
        return counted.get(key, 0) / max(self.n_texts, 1)


def count(texts: pa.Array, sources: pa.Array) -> Counts:
    """Count whole columns at once: 20,000 texts take a fraction of a second."""
    sizes = np.frexp(pc.utf8_length(texts).to_numpy(zero_copy_only=False).clip(1))[1] - 1
    powers, n_each = np.unique(sizes, return_counts=True)
    scripts = {name: pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0
               for name, pattern in SCRIPTS.items()}
    return Counts(len(texts), _values(pc.fill_null(sources, "")), {str(2**int(power)): int(n) for power, n in
                                                                   zip(powers, n_each, strict=True)},
                  {name: n for name, n in scripts.items() if n}, _words(texts))


def added(parts: Iterable[Counts]) -> Counts:
    """Return the counts of all parts together."""
    found = list(parts)
    both: dict[str, Any] = {name: _sum([getattr(each, name) for each in found])
                            for name in ("sources", "lengths", "scripts", "words")}
    both["words"] = dict(Counter(both["words"]).most_common(N_WORDS))
    return Counts(sum(each.n_texts for each in found), **both)


def _sum(counts: list[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _words(texts: pa.Array) -> dict[str, int]:
    """Count each word once per text."""
    split = pc.split_pattern_regex(pc.utf8_lower(texts), WORD_BREAK)
    rows, words = pc.list_parent_indices(split), pc.list_flatten(split)
    pairs = pa.table({"row": rows, "word": words}).filter(pc.greater(pc.utf8_length(words), 1))
    counts = pairs.group_by(["row", "word"]).aggregate([]).group_by("word").aggregate([([], "count_all")])
    order = counts.sort_by([("count_all", "descending"), ("word", "ascending")])[:N_WORDS]
    return dict(zip(order["word"].to_pylist(), order["count_all"].to_pylist(), strict=True))


def _values(column: pa.Array) -> dict[str, int]:
    found = pc.value_counts(column)
    return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))
