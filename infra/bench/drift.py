"""Measures drift tests: false alarms on stable streams, power on planted drifts, alarms on the stream as it came."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infra.bench.drift_streams import Stream, Texts, planted, resampled, stream_of
from trainer.drift.observed import Observed, halves
from trainer.drift.peer import evidently_alarms
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import DriftReport
from trainer.drift.sequence import is_confirmed
from trainer.drift.watch import Reference, look, make_reference
from trainer.evaluation import Answers
from trainer.intervals import bootstrap, wilson
from trainer.recipe import Recipe

WINDOWS_PER_STREAM = 5
POOL_TEXTS = 4_000                                    # the short period that stable streams are drawn from
WINDOW_SIZES = (250, 500, 1_000)
PEER_WINDOWS = 20
PLANTS = ("vanish:1", "priors:2", "novel:0.02", "novel:0.05", "novel:0.1", "domain:0.05", "domain:0.1")
Say = Callable[[str], None]


def measure(texts: Texts, strange: np.ndarray, recipe: DriftRecipe, *, n_streams: int, n_repeats: int,
            plants: Sequence[str], change_at: str | None, say: Say) -> dict[str, Any]:
    """Return false alarms, power and the alarms of the stream as it came."""
    pool = np.arange(min(POOL_TEXTS, len(texts) // 2))
    learner = Recipe()
    everything = np.unique(texts.classes)
    stable = stream_of(texts, strange, learner, pool, everything, 0)
    small = replace(recipe, reference_texts=2_000, min_reference_texts=2 * recipe.window_texts)
    found = false_alarms(stable, pool, small, n_streams, say)
    found["peer"] = {"evidently": peer_alarms(stable, pool, small, say)}
    found["power"] = power(texts, strange, stable, pool, small, n_repeats, plants, say)
    found["as_it_came"] = as_it_came(texts, strange, learner, recipe, change_at)
    found["delay_texts"] = found["as_it_came"]["delay_texts"]
    return found


def false_alarms(stream: Stream, pool: np.ndarray, recipe: DriftRecipe, n_streams: int, say: Say) -> dict[str, Any]:
    """Every stream has a reference of its own; the interval is a bootstrap over streams, whose windows share one."""
    hits = []
    for number in range(n_streams):
        reports = stable_reports(stream, pool, recipe, number)
        hits.append([[report.p_value <= recipe.alpha, *(p <= recipe.alpha for p in report.unadjusted.values())]
                     for report in reports])
        families = list(reports[0].families)
        if number % 50 == 49:
            say(f"{number + 1} stable streams: alarm rate {np.array(hits)[:, :, 0].mean():.4f}")
    rates = np.array(hits, float).mean(axis=1)                                             # (streams, 1 + families)
    total = bootstrap(lambda rows: float(rates[rows, 0].mean()), n_streams, confidence=0.95, n_resamples=2_000, seed=0)
    return {"windows": n_streams * WINDOWS_PER_STREAM, "alarms": round(float(rates[:, 0].sum()) * WINDOWS_PER_STREAM),
            "alarm_rate": round(total.value, 5), "interval": [round(total.low, 5), round(total.high, 5)],
            "alpha": recipe.alpha, "window_texts": recipe.window_texts,
            "confirmed": _confirmed(np.array(hits)[:, :, 0], recipe),
            "per_family": {family: round(float(rates[:, i + 1].mean()), 5) for i, family in enumerate(families)},
            "per_family_interval": {family: _bounds(rates[:, i + 1]) for i, family in enumerate(families)}}


def _confirmed(alarms: np.ndarray, recipe: DriftRecipe) -> dict[str, Any]:
    """Count windows at which k of n alarm, `alarms` (streams, windows); the windows of a stream share a reference."""
    n, hits = recipe.of_windows, [[is_confirmed(row[: end + 1].tolist(), recipe) for end in range(len(row))]
                                  for row in alarms]
    settled = np.array(hits)[:, n - 1 :]
    return {"rule": f"{recipe.confirming_alarms} of {n}", "windows": int(settled.size), "alarms": int(settled.sum()),
            "streams": int(settled.any(axis=1).sum())}


def _bounds(rates: np.ndarray) -> list[float]:
    found = bootstrap(lambda rows: float(rates[rows].mean()), len(rates), confidence=0.95, n_resamples=2_000, seed=0)
    return [round(found.low, 5), round(found.high, 5)]


def stable_reports(stream: Stream, pool: np.ndarray, recipe: DriftRecipe, number: int) -> list[DriftReport]:
    generator = np.random.default_rng(number)
    reference, _ = stable_reference(stream, pool, recipe, generator, number)
    return [look(reference, stream.observed.take(resampled(pool, recipe.window_texts, generator)), recipe, index)
            for index in range(WINDOWS_PER_STREAM)]


def stable_reference(stream: Stream, pool: np.ndarray, recipe: DriftRecipe, generator: np.random.Generator,
                     seed: int) -> tuple[Reference, Observed]:
    """Return a reference and all the texts it was made of, which the peer is shown as a whole."""
    texts = stream.observed.take(resampled(pool, recipe.reference_texts, generator))
    return make_reference(texts, recipe, seed), texts


def peer_alarms(stream: Stream, pool: np.ndarray, recipe: DriftRecipe, say: Say) -> dict[str, Any]:
    """Show Evidently the first windows of as many stable streams."""
    begun, hits = time.perf_counter(), []
    for number in range(PEER_WINDOWS):
        generator = np.random.default_rng(number)
        reference = stream.observed.take(resampled(pool, recipe.reference_texts, generator))
        hits.append(evidently_alarms(reference, stream.observed.take(resampled(pool, recipe.window_texts, generator))))
    say(f"Evidently on {PEER_WINDOWS} stable windows: {hits}")
    return {"windows": PEER_WINDOWS, "false_alarms": _count(hits),
            "seconds_per_window": round((time.perf_counter() - begun) / PEER_WINDOWS, 3)}


def power(texts: Texts, strange: np.ndarray, stable: Stream, pool: np.ndarray, recipe: DriftRecipe, n_repeats: int,
          plants: Sequence[str], say: Say) -> dict[str, Any]:
    """Return, per planted drift and window size, the share of windows that alarm; Evidently's for the middle size."""
    found: dict[str, dict[str, Any]] = {plant: {str(size): [] for size in WINDOW_SIZES} | {"evidently": []}
                                        for plant in plants}
    new_classes = _classes_to_hide(texts, pool)
    without = {new: _stream_without(texts, strange, pool, new) for new in new_classes} if _has(plants, "novel") else {}
    for number in range(n_repeats):
        new = new_classes[number % len(new_classes)]
        references: dict[bool, tuple[Reference, Observed]] = {}
        for plant in plants:
            kind, size = plant.split(":")
            stream = without[new] if kind == "novel" else stable
            known = pool[texts.classes[pool] != new] if kind == "novel" else pool
            generator = np.random.default_rng(1_000 + number)
            if (kind == "novel") not in references:
                references[kind == "novel"] = stable_reference(stream, known, recipe, generator, number)
            reference, texts_before = references[kind == "novel"]
            for n in WINDOW_SIZES:
                window = planted(stream, pool, kind, float(size), n, generator, new)
                report = look(reference, window, replace(recipe, window_texts=n, min_reference_texts=2_000), number)
                found[plant][str(n)].append(report.is_alarm)
                if n == recipe.window_texts and number < PEER_WINDOWS // 2:
                    found[plant]["evidently"].append(evidently_alarms(texts_before, window))
    for plant in plants:
        found[plant] = {size: _share(hits) for size, hits in found[plant].items()
                        if size != "evidently"} | {"evidently": _count(found[plant]["evidently"])}
        say(f"{plant}: {found[plant]}")
    return found


def _share(hits: list[bool]) -> dict[str, Any]:
    found = wilson(sum(hits), len(hits), 0.95)
    return {"windows": len(hits), "power": round(found.value, 3),
            "interval": [round(found.low, 3), round(found.high, 3)]}


def as_it_came(texts: Texts, strange: np.ndarray, learner: Recipe, recipe: DriftRecipe,
               change_at: str | None) -> dict[str, Any]:
    """Watch the stream in its own order, after the train split or from `change_at` on."""
    start = int(np.searchsorted(np.array(texts.dates), change_at)) if change_at else int(texts.is_train.sum())
    n_reference = min(recipe.reference_texts, start)
    before, history = np.arange(start - n_reference, start), np.arange(start - n_reference)
    gate = before[halves(n_reference, recipe.block_texts)[1]]        # tested, so the head learns none of it
    stream = stream_of(texts, strange, learner, np.setdiff1d(np.arange(start), gate), np.unique(texts.classes), 0)
    labeled = Answers(stream.observed.probs[gate], texts.classes[gate])
    reference = make_reference(stream.observed.take(before), recipe, 0, stream.observed.take(history))
    windows = []
    for begin in range(start, len(texts) - recipe.window_texts + 1, recipe.window_texts):
        rows = np.arange(begin, begin + recipe.window_texts)
        report = look(reference, stream.observed.take(rows), recipe, begin, texts.labels, labeled)
        windows.append(_told(report, texts, rows, stream.observed))
    return _summary(windows, recipe, texts, start, n_reference, reference)


def _told(report: DriftReport, texts: Texts, rows: np.ndarray, observed: Observed) -> dict[str, Any]:
    assert report.accuracy is not None
    right = observed.probs[rows].argmax(axis=1) == texts.classes[rows]
    return {"from": texts.dates[rows[0]], "to": texts.dates[rows[-1]], "p": round(report.p_value, 4),
            "alarm": report.is_alarm, "alarmed": report.alarmed, "accuracy": round(float(right.mean()), 4),
            "estimated": round(report.accuracy["value"], 4), "low": round(report.accuracy["low"], 4),
            "high": round(report.accuracy["high"], 4), "unchanged": round(report.accuracy["labeled"], 4)}


def _summary(windows: list[dict[str, Any]], recipe: DriftRecipe, texts: Texts, start: int, n_reference: int,
             reference: Reference) -> dict[str, Any]:
    alarms = [window["alarm"] for window in windows]
    first = next((index for index, alarm in enumerate(alarms) if alarm), None)
    confirmed = [index for index in range(len(alarms)) if is_confirmed(alarms[: index + 1], recipe)]
    errors = {kind: round(float(np.mean([abs(each[kind] - each["accuracy"]) for each in windows])), 4)
              for kind in ("estimated", "unchanged")}
    return {"watched_from": texts.dates[min(start, len(texts) - 1)], "n_reference": n_reference,
            "past_windows": 0 if reference.past is None else reference.past.n_windows, "windows": len(windows),
            "moved": sum(window["p"] <= recipe.alpha for window in windows),
            "alarms": sum(alarms), "confirmed": len(confirmed),
            "delay_texts": None if first is None else (first + 1) * recipe.window_texts,
            "confirmed_delay_texts": (confirmed[0] + 1) * recipe.window_texts if confirmed else None,
            "accuracy_error": errors, "in_band": round(float(np.mean(
                [window["low"] <= window["accuracy"] <= window["high"] for window in windows])), 3),
            "each": windows}


def _classes_to_hide(texts: Texts, pool: np.ndarray) -> list[int]:
    """Return the classes of middle frequency, three at most."""
    counts = np.bincount(texts.classes[pool], minlength=len(texts.labels))
    order = [int(number) for number in np.argsort(-counts) if counts[number] >= 30]
    middle = len(order) // 2
    return order[max(middle - 1, 0) : middle + 2]


def _stream_without(texts: Texts, strange: np.ndarray, pool: np.ndarray, new: int) -> Stream:
    return stream_of(texts, strange, Recipe(), pool, np.setdiff1d(np.unique(texts.classes), [new]), 0)


def _has(plants: Sequence[str], kind: str) -> bool:
    return any(plant.startswith(f"{kind}:") for plant in plants)


def _count(hits: Sequence[dict[str, bool]]) -> dict[str, Any]:
    return {"windows": len(hits), **{name: sum(hit[name] for hit in hits) for name in (hits[0] if hits else {})}}
