"""How many texts come per hour from each source, against the hours before: a matter for a person, not for a run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from scipy.stats import t as student

from ingest.bank.commits import DataFile
from trainer.drift.stretches import Stretch, Stretches

MIN_PAST_SPANS = 12                                   # fewer say nothing of a spread
MAX_PAST_SPANS = 48
MAX_FILES = 2_000
EVERY = "all sources"


def recent(stretches: Stretches, files: Sequence[DataFile], since: datetime) -> list[Stretch]:
    """Return the stretches of the time since then and of MAX_PAST_SPANS as long before it, oldest first."""
    if not files:
        return []
    first_at = since - MAX_PAST_SPANS * (files[-1].end_at - since)
    wanted = [file for file in files[-MAX_FILES:] if file.end_at > first_at]
    return sorted((each for file in wanted for each in stretches.of(file)), key=lambda each: each.begun_at)


def volumes(stretches: Sequence[Stretch], since: datetime, alpha: float) -> dict[str, dict[str, Any]]:
    """Return per source the texts per hour since then and before, and whether the change is beyond chance.

    Time before is cut into spans as long as the one since; the logarithm of their counts
    gives a prediction interval (Student's t) that a steady source leaves with `alpha`, all
    sources together. Empty where the past has fewer than twelve spans.
    """
    if not stretches or stretches[-1].ended_at <= since:
        return {}
    times, counts = _steps(stretches)
    length = times[-1] - since.timestamp()
    n_spans = int((since.timestamp() - times[0]) // length)
    if n_spans < MIN_PAST_SPANS:
        return {}
    edges = since.timestamp() + length * np.arange(-n_spans, 2)
    found = {name: np.diff(np.interp(edges, times, steps)) for name, steps in counts.items()}
    return {name: _judged(spans, length, alpha / len(found)) for name, spans in found.items()}


def _judged(spans: np.ndarray, length: float, alpha: float) -> dict[str, Any]:
    """Judge the last of the spans by those before; half a text is added to each, for those without any."""
    before, now = np.log(spans[:-1] + 0.5), float(np.log(spans[-1] + 0.5))
    spread = max(float(before.std(ddof=1)), 1 / np.sqrt(spans[:-1].mean() + 0.5)) * np.sqrt(1 + 1 / len(before))
    p_value = float(2 * student.sf(abs(now - before.mean()) / spread, len(before) - 1))
    hours = length / 3_600
    return {"before": round(float(spans[:-1].mean()) / hours, 2), "now": round(float(spans[-1]) / hours, 2),
            "p_value": round(p_value, 5), "is_alarm": p_value <= alpha}


def _steps(stretches: Sequence[Stretch]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return moments, and per source the texts that had come by then; within a stretch they come evenly."""
    names = sorted({source for each in stretches for source in each.counts.sources})
    times = np.array([moment.timestamp() for each in stretches for moment in (each.begun_at, each.ended_at)])

    def steps(n_each: list[int]) -> np.ndarray:
        return np.cumsum(np.column_stack([np.zeros(len(n_each)), n_each]).reshape(-1))

    every = {EVERY: steps([each.counts.n_texts for each in stretches])}
    each_source = {name: steps([each.counts.sources.get(name, 0) for each in stretches]) for name in names}
    return np.maximum.accumulate(times), every | (each_source if len(names) > 1 else {})
