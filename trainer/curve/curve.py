"""Measures a task's curves, with labels only and with HyperMatch, and says what the target needs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.candidate import check_trainable
from trainer.curve.demand import Demand, Saving, band, demand, saving
from trainer.curve.draws import Learner, Report, halved, judged_by, judged_by_one_another
from trainer.curve.points import Point, evidence_of
from trainer.curve.posterior import Posterior, posterior_of
from trainer.curve.recipe import CurveRecipe
from trainer.errors import NotTrainable
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.head import Head
from trainer.learning.learn import learn
from trainer.learning.supervised import learn_supervised
from trainer.materials import gather
from trainer.recipe import Recipe
from trainer.vectors import Vectors, embedded
from trainer.workplace import Report as StepReport
from trainer.workplace import Workplace

LABELS_ONLY, HYPERMATCH = "labels only", "HyperMatch"
N_BAND = 25                                           # sizes at which the band is told
BAND_TIMES = 16.0                                     # labels at hand, to which it is told
MIN_SIZES = 3                                         # fewer scores than that bend no law


@dataclass(frozen=True)
class ArmCurve:
    """One arm's scores, what they leave possible, and what the target needs."""

    points: list[Point]
    posterior: Posterior
    demand: Demand

    def at(self, n_labels: int, confidence: float, seed: int) -> tuple[float, float, float]:
        """Return low, middle and high of the score of one model learned from so many labels."""
        low, middle, high = band(self.posterior, np.array([n_labels]), confidence, seed)[:, 0]
        return float(low), float(middle), float(high)


@dataclass(frozen=True)
class TaskCurve:
    """Both arms' curves of a task, judged by the same labels."""

    task: str
    target: float
    n_labels: int
    judge: str
    arms: dict[str, ArmCurve]
    saving: Saving | None
    confidence: float
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return what a page, a file or a spreadsheet shows."""
        return {"task": self.task, "target": self.target, "n_labels": self.n_labels, "judge": self.judge,
                "confidence": self.confidence, "saving": asdict(self.saving) if self.saving else None,
                "arms": {name: self._arm(arm) for name, arm in self.arms.items()}}

    def _arm(self, arm: ArmCurve) -> dict[str, Any]:
        sizes = np.unique(np.geomspace(arm.points[0].n_labels, self.n_labels * BAND_TIMES, N_BAND).round())
        low, middle, high = band(arm.posterior, sizes, self.confidence, self.seed).round(4)
        rows = [{"n_labels": int(size), "low": float(each[0]), "accuracy": float(each[1]), "high": float(each[2])}
                for size, each in zip(sizes, zip(low, middle, high, strict=True), strict=True)]
        return {"demand": arm.demand.to_dict(), "points": [asdict(point) for point in arm.points], "band": rows,
                "laws": {name: round(share, 3) for name, share in arm.posterior.weights.items()}}


def curve_of(workplace: Workplace, task: str, target: float, recipe: Recipe, curve: CurveRecipe,
             report: StepReport) -> TaskCurve:
    """Measure with the task's labels and cached vectors; raises NotTrainable if there are too few labels to halve."""
    materials = gather(workplace, task, recipe)
    check_trainable(materials)
    _sizes(materials.train.classes, len(materials.labels), len(materials.gate.texts), curve)
    vectors = embedded(workplace, materials, recipe, report)
    return measure(task, target, vectors, recipe, curve, lambda done: report("learning", done))


def measure(task: str, target: float, vectors: Vectors, recipe: Recipe, curve: CurveRecipe,
            report: Report) -> TaskCurve:
    """Measure both arms on the same draws; where there is no traffic the second is the first and left out."""
    sizes = _sizes(vectors.train.classes, vectors.train.n_classes, len(vectors.gate), curve)
    learners = {LABELS_ONLY: labels_only(recipe)}
    if len(vectors.traffic) and recipe.in_domain.use != "never":
        learners[HYPERMATCH] = hypermatch(recipe, vectors)
    arms: dict[str, ArmCurve] = {}
    for number, (name, learner) in enumerate(learners.items()):
        points = measured(vectors, sizes, learner, curve, recipe.seed,
                          lambda done, number=number: report((number + done) / len(learners)))  # type: ignore[misc]
        arms[name] = fitted(points, vectors, target, curve, recipe.seed)
    found = saving(arms[LABELS_ONLY].posterior, arms[HYPERMATCH].posterior, target, curve) if len(arms) > 1 else None
    n_gate = len(vectors.gate)
    judge = f"{n_gate} gate labels" if n_gate >= curve.min_gate else f"{len(vectors.train)} labels left out in turn"
    return TaskCurve(task, target, len(vectors.train), judge, arms, found, curve.confidence, recipe.seed)


def measured(vectors: Vectors, sizes: Sequence[int], learner: Learner, curve: CurveRecipe, seed: int,
             report: Report) -> list[Point]:
    if len(vectors.gate) >= curve.min_gate:
        return judged_by(vectors.gate, vectors.train, sizes, learner, curve.n_draws, seed, report)
    return judged_by_one_another(vectors.train, sizes, learner, curve.n_folds, max(curve.n_draws // 2, 1), seed, report)


def fitted(points: list[Point], vectors: Vectors, target: float, curve: CurveRecipe, seed: int) -> ArmCurve:
    """Fit the laws; labels that judged one another are a sample, so the curve's height is as unsure as they are few."""
    is_gate = len(vectors.gate) >= curve.min_gate
    evidence = evidence_of(points, len(vectors.gate) if is_gate else len(vectors.train), is_same_judge=is_gate)
    posterior = posterior_of(evidence, seed)
    return ArmCurve(points, posterior, demand(posterior, target, len(vectors.train), curve))


def labels_only(recipe: Recipe) -> Learner:
    return lambda labeled, _others, seed: learn_supervised(labeled, recipe.head, seed)


def hypermatch(recipe: Recipe, vectors: Vectors) -> Learner:
    """Learn as a run would, from the traffic and the texts whose labels were not drawn."""
    def learner(labeled: Labeled, others: np.ndarray, seed: int) -> Head:
        bank = Unlabeled(np.concatenate([vectors.traffic, others]))
        return learn(labeled, bank, vectors.names, recipe.head, recipe.in_domain, seed).head

    return learner


def _sizes(classes: np.ndarray, n_classes: int, n_gate: int, curve: CurveRecipe) -> list[int]:
    largest = len(classes) if n_gate >= curve.min_gate else len(classes) * (curve.n_folds - 1) // curve.n_folds
    least = curve.min_per_class * n_classes
    sizes = halved(largest, curve.n_sizes, least)
    if len(sizes) < MIN_SIZES:
        enough = int(np.ceil(least * 2 ** (MIN_SIZES - 1) * len(classes) / max(largest, 1)))
        raise NotTrainable(f"cannot tell yet: {len(classes)} labels of {n_classes} classes cannot be halved twice",
                           f"import more, {enough} in all are enough: `hypermatch labels import`")
    return sizes
