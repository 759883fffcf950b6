"""Looks at windows: a reference made ready once, then a report per window."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from trainer.drift.accuracy import estimate_accuracy
from trainer.drift.counts import Counts
from trainer.drift.explanation import examples, explain, moved_words, name_clusters
from trainer.drift.lens import Lens, fit_lens
from trainer.drift.observed import Observed, halves
from trainer.drift.past import Past, excesses, learn_past
from trainer.drift.permutation import Tested, compare
from trainer.drift.priors import estimate_priors
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import DriftReport
from trainer.drift.segments import MIN_SEGMENT_BLOCKS, adjusted, segments_of
from trainer.drift.sketches import Sketch, sketch
from trainer.evaluation import Answers

USUAL_NOVELTY_RATE = 0.05
N_TOLD_WORDS = 50                                     # in a report, which is kept for good


@dataclass(frozen=True)
class Reference:
    """What windows are compared with; `past` is what the stream is used to, `segments` the same of single sources."""

    lens: Lens
    observed: Observed                                # the half that is tested
    sketch: Sketch
    past: Past | None
    segments: dict[str, "Reference"] = field(default_factory=dict)


def make_reference(observed: Observed, recipe: DriftRecipe, seed: int, history: Observed | None = None) -> Reference:
    """Fit the lens on a half of `observed` and keep the other to compare with; `history` lies before both."""
    fitted, tested = (observed.take(rows) for rows in halves(len(observed), recipe.block_texts))
    whole = _reference(fit_lens(fitted, recipe, seed), tested, recipe, history, recipe.window_texts)
    return replace(whole, segments={
        source: _reference(whole.lens, own, recipe, None if history is None else history.of_source(source),
                           round(recipe.window_texts * len(own) / len(tested)))
        for source, own in segments_of(tested, recipe).items()})


def _reference(lens: Lens, tested: Observed, recipe: DriftRecipe, history: Observed | None,
               window_texts: int) -> Reference:
    own = sketch(lens, tested, recipe.block_texts)
    if history is None or len(history) < recipe.block_texts:
        return Reference(lens, tested, own, None)
    return Reference(lens, tested, own, learn_past(sketch(lens, history, recipe.block_texts), len(own),
                                                   window_texts // recipe.block_texts))


def look(reference: Reference, window: Observed, recipe: DriftRecipe, seed: int, labels: Sequence[str] = (),
         labeled: Answers | None = None, counts: dict[str, Counts] | None = None,
         volume: dict[str, Any] | None = None) -> DriftReport:
    """Test one window; where it alarms, say what moved. `labeled` are the model's answers to labeled texts."""
    seen = sketch(reference.lens, window, recipe.block_texts)
    tested = compare(reference.sketch, seen, recipe.n_permutations, seed)
    segments = look_at_segments(reference, window, recipe, seed)
    n_tests = 1 + len(segments)                       # Bonferroni over the whole window and each source of its own
    least = min([tested.joint, *(p for p, _ in segments.values())])
    moved = [_is_beyond(reference, seen, tested, recipe.alpha)] if tested.joint * n_tests <= recipe.alpha else []
    moved += [is_beyond for p, is_beyond in segments.values() if p * n_tests <= recipe.alpha]
    report = DriftReport(
        alpha=recipe.alpha, p_value=adjusted(least, n_tests),
        families={name: adjusted(p, n_tests) for name, p in tested.adjusted.items()},
        segments={source: adjusted(p, n_tests) for source, (p, _) in segments.items()}, unadjusted=tested.families,
        components=tested.components, is_beyond_past=_any_beyond(moved, reference), n_reference=len(reference.observed),
        n_window=len(window), block_texts=recipe.block_texts, counts={
            name: _told(each) for name, each in (counts or {}).items()}, volume=volume or {},
        novelty_rate=_novelty_rate(reference.observed, window),
        **_estimates(window, labels, labeled, recipe, seed))
    return _explained(report, reference, seen, window, labels, recipe, counts or {}) if report.is_alarm else report


def look_at_segments(reference: Reference, window: Observed, recipe: DriftRecipe,
                     seed: int) -> dict[str, tuple[float, bool | None]]:
    """Return, of each source with texts enough, the p-value of its own texts and whether they left their own past."""
    found = {}
    for source, own in reference.segments.items():
        texts = window.of_source(source)
        if len(texts) >= MIN_SEGMENT_BLOCKS * recipe.block_texts:
            seen = sketch(own.lens, texts, recipe.block_texts)
            tested = compare(own.sketch, seen, recipe.n_permutations, seed)
            found[source] = tested.joint, _is_beyond(own, seen, tested, recipe.alpha)
    return found


def _told(counts: Counts) -> dict[str, Any]:
    return asdict(counts) | {"words": dict(list(counts.words.items())[:N_TOLD_WORDS])}


def _novelty_rate(reference: Observed, window: Observed) -> float:
    """Return the share of the window that is as novel as the most novel twentieth of the reference."""
    return float((window.novelty > np.quantile(reference.novelty, 1 - USUAL_NOVELTY_RATE)).mean())


def _any_beyond(moved: list[bool | None], reference: Reference) -> bool | None:
    """Say whether one of the tests that moved left its past; one without a past counts as having left it."""
    if not moved:
        return None if reference.past is None else False
    if all(each is None for each in moved):
        return None
    return any(each is not False for each in moved)


def _is_beyond(reference: Reference, seen: Sketch, tested: Tested, alpha: float) -> bool | None:
    """Say whether a component that moved, moved more than past windows did."""
    past = reference.past
    if past is None:
        return None
    found = excesses(reference.sketch, seen)
    return any(excess > past.bound(name, alpha) for name, excess in found.items()
               if name in past.mean and tested.components.get(name, 1.0) <= alpha)


def _estimates(window: Observed, labels: Sequence[str], labeled: Answers | None, recipe: DriftRecipe,
               seed: int) -> dict[str, Any]:
    if labeled is None or not len(labeled.classes):
        return {}
    priors = estimate_priors(labeled.probs, labeled.classes, window.probs)
    accuracy = estimate_accuracy(labeled.probs.max(axis=1), labeled.is_right, window.probs.max(axis=1),
                                 recipe.confidence, seed)
    return {"priors": {label: round(float(share), 4) for label, share in zip(labels, priors, strict=True)},
            "accuracy": asdict(accuracy)}


def _explained(report: DriftReport, reference: Reference, seen: Sketch, window: Observed, labels: Sequence[str],
               recipe: DriftRecipe, counts: dict[str, Counts]) -> DriftReport:
    lens, own, n = reference.lens, reference.sketch, recipe.n_examples
    names = list(labels) or [str(number) for number in range(window.probs.shape[1])]
    everything = asdict(report) | {
        "moved": [*explain(lens, names, own, seen, name_clusters(lens, reference.observed)),
                  *(moved_words(counts["reference"], counts["window"], lens.words) if counts else [])],
        "examples_before": examples(lens, seen, own, reference.observed, n),
        "examples_now": examples(lens, own, seen, window, n)}
    return DriftReport(**everything)


