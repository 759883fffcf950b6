"""Remembers proposed classes: says which earlier proposal a group of texts is, by its texts and by where it lies."""

import math
from collections.abc import Iterable, Sequence

from registry.tables import ClassProposal

N_MEMBERS = 500                                       # hashes kept of a group: the lowest, so that samples compare
SAME_TEXTS = 0.3                                      # share of the smaller group's texts that are in the other too
# Cosine of two centers on one encoder. Of BANKING77's and CLINC150's classes none is as near to another (MiniLM), and
# two samples of 30 texts of one class are in 95 to 100 of 100 cases.
SAME_PLACE = 0.92


def most_alike(draft: ClassProposal, earlier: Iterable[ClassProposal]) -> ClassProposal | None:
    """Return the earlier proposal that `draft` is found again, None if it is none of them.

    Of a whole and its parts, all of which resemble it, the one with most texts in common.
    """
    alike = [old for old in earlier if resemblance(draft, old) >= 1]
    return max(alike, key=lambda old: (jaccard(draft, old), resemblance(draft, old)), default=None)


def resemblance(one: ClassProposal, other: ClassProposal) -> float:
    """Return 1 or more if two proposals are of the same class; 0 if nothing speaks for it."""
    texts = shared(one.findings.get("members", ()), other.findings.get("members", ())) / SAME_TEXTS
    if one.findings.get("encoder") != other.findings.get("encoder"):
        return texts
    return max(texts, cosine(one.findings.get("center", ()), other.findings.get("center", ())) / SAME_PLACE)


def jaccard(one: ClassProposal, other: ClassProposal) -> float:
    """Return the share of both proposals' known texts that both have."""
    first, second = (set(each.findings.get("members", ())) for each in (one, other))
    return len(first & second) / max(len(first | second), 1)


def sample_of(hashes: Iterable[str]) -> list[str]:
    """Return what is kept of a group's text hashes."""
    return sorted(set(hashes))[:N_MEMBERS]


def shared(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the share of the smaller group's texts that the other holds too, estimated from their lowest hashes."""
    if not one or not other:
        return 0.0
    highest = min(max(each) if len(each) == N_MEMBERS else "~" for each in (one, other))
    first, second = ({key for key in each if key <= highest} for each in (one, other))
    return len(first & second) / max(min(len(first), len(second)), 1)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    if len(one) != len(other) or not one:
        return 0.0
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0
