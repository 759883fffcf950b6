"""What would change for clients: answers that differ from the champion's, kept with the gate's decision."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from serving.predictor import Predictor
from trainer.gate.decide import Opponent

TRAFFIC_SAMPLE = 200                                  # a second or two of a small transformer on one core
MAX_FLIPS = 5_000                                     # all of any gate set but a huge one; half a kilobyte each
MAX_TEXT_CHARS = 300


@dataclass(frozen=True)
class Flip:
    """One text that the candidate answers otherwise than the champion; `truth` is what people said, if they did."""

    text: str
    was: str
    was_confidence: float
    now: str
    confidence: float
    truth: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def flips_of(texts: Sequence[str], before: np.ndarray, now: np.ndarray, before_labels: Sequence[str],
             labels: Sequence[str], truths: Sequence[str] | None = None) -> list[Flip]:
    """Return every changed answer, the most confident first; `before` (n, C') and `now` (n, C) are probabilities."""
    found = []
    for row, text in enumerate(texts):
        old, new = before_labels[int(before[row].argmax())], labels[int(now[row].argmax())]
        if old != new:
            found.append(Flip(text[:MAX_TEXT_CHARS], old, round(float(before[row].max()), 4), new,
                              round(float(now[row].max()), 4), None if truths is None else truths[row]))
    return sorted(found, key=lambda flip: -flip.confidence)


def changes(opponent: Opponent, candidate: Predictor, gate_texts: Sequence[str], traffic: Sequence[str],
            labels: Sequence[str], seed: int) -> dict[str, Any]:
    """Say what would change for clients: on the gate texts, and on a fixed sample of the traffic if there is any."""
    truths = [opponent.labels[number] for number in opponent.champion.classes]
    found = flips_of([gate_texts[row] for row in opponent.rows], opponent.champion.probs,
                     opponent.candidate.probs, opponent.labels, labels, truths)
    told = on_gate(opponent.name, found, len(truths))
    if not traffic:
        return told
    chosen = np.random.default_rng(seed).permutation(len(traffic))[:TRAFFIC_SAMPLE]
    sample = [traffic[row] for row in sorted(chosen)]
    moved = flips_of(sample, opponent.ask(sample), candidate.probs(sample)[0], opponent.labels, labels)
    return told | {"traffic": on_traffic(moved, len(sample))}


def on_gate(champion: str, flips: Sequence[Flip], n_texts: int) -> dict[str, Any]:
    """Return what changes on labeled texts: mended, broken, otherwise wrong, and the first MAX_FLIPS."""
    n_fixed = sum(flip.now == flip.truth for flip in flips)
    n_broken = sum(flip.was == flip.truth for flip in flips)
    return {"champion": champion, "n_texts": n_texts, "n_fixed": n_fixed, "n_broken": n_broken,
            "n_otherwise": len(flips) - n_fixed - n_broken, "flips": [flip.to_dict() for flip in flips[:MAX_FLIPS]]}


def on_traffic(flips: Sequence[Flip], n_texts: int) -> dict[str, Any]:
    """Return what changes on sampled traffic, of which nobody knows the truth."""
    return {"n_texts": n_texts, "n_changed": len(flips), "flips": [flip.to_dict() for flip in flips[:MAX_FLIPS]]}
