"""Looks at windows: a reference made ready once, then a report per window."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainer.drift.accuracy import estimate_accuracy
from trainer.drift.explanation import examples, explain, name_clusters
from trainer.drift.lens import Lens, fit_lens
from trainer.drift.observed import Observed, halves
from trainer.drift.past import Past, excesses, learn_past
from trainer.drift.permutation import Tested, compare
from trainer.drift.priors import estimate_priors
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import DriftReport
from trainer.drift.sketches import Sketch, sketch
from trainer.evaluation import Answers


@dataclass(frozen=True)
class Reference:
    """What windows are compared with; `past` is what the stream is used to."""

    lens: Lens
    observed: Observed                                # the half that is tested
    sketch: Sketch
    past: Past | None


def make_reference(observed: Observed, recipe: DriftRecipe, seed: int, history: Observed | None = None) -> Reference:
    """Fit the lens on a half of `observed` and keep the other to compare with; `history` lies before both."""
    fitted, tested = (observed.take(rows) for rows in halves(len(observed), recipe.block_texts))
    lens = fit_lens(fitted, recipe, seed)
    own = sketch(lens, tested, recipe.block_texts)
    if history is None or len(history) < recipe.block_texts:
        return Reference(lens, tested, own, None)
    past = learn_past(sketch(lens, history, recipe.block_texts), len(own), recipe.window_texts // recipe.block_texts)
    return Reference(lens, tested, own, past)


def look(reference: Reference, window: Observed, recipe: DriftRecipe, seed: int, labels: Sequence[str] = (),
         labeled: Answers | None = None) -> DriftReport:
    """Test one window; where it alarms, say what moved. `labeled` are the model's answers to labeled texts."""
    seen = sketch(reference.lens, window, recipe.block_texts)
    tested = compare(reference.sketch, seen, recipe.n_permutations, seed)
    report = DriftReport(
        alpha=recipe.alpha, p_value=tested.joint, families=tested.adjusted, unadjusted=tested.families,
        components=tested.components,
        is_beyond_past=_is_beyond(reference, seen, tested, recipe.alpha), n_reference=len(reference.observed),
        n_window=len(window), block_texts=recipe.block_texts, **_estimates(window, labels, labeled, recipe, seed))
    return _explained(report, reference, seen, window, labels, recipe) if report.is_alarm else report


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
               recipe: DriftRecipe) -> DriftReport:
    lens, own, n = reference.lens, reference.sketch, recipe.n_examples
    names = list(labels) or [str(number) for number in range(window.probs.shape[1])]
    everything = asdict(report) | {
        "moved": explain(lens, names, own, seen, name_clusters(lens, reference.observed)),
        "examples_before": examples(lens, seen, own, reference.observed, n),
        "examples_now": examples(lens, own, seen, window, n)}
    return DriftReport(**everything)


