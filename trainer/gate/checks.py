"""What a candidate is checked for; each check is a value that says what was measured and what was asked."""

from dataclasses import dataclass

import numpy as np

from trainer.evaluation import Answers, Evaluation
from trainer.intervals import lower_bound_of_mean, wilson
from trainer.recipe import GateRecipe


@dataclass(frozen=True)
class Check:
    """One question of the gate; `passed` is None where there was too little to judge by."""

    name: str
    passed: bool | None
    says: str


def enough_labels(n_texts: int, task: str, recipe: GateRecipe) -> Check:
    """Nothing is promoted on hope: without gate labels every candidate is refused."""
    says = f"{n_texts} gate labels, {recipe.min_labels} are needed"
    if n_texts < recipe.min_labels:
        says += f": import more with `hypermatch labels import FILE --task {task} --part gate`"
    return Check("gate labels", n_texts >= recipe.min_labels, says)


def beats_majority(answers: Answers, recipe: GateRecipe) -> Check:
    """A first version must be better than always naming the commonest class, beyond chance."""
    n = len(answers.classes)
    majority = float(np.bincount(answers.classes).max() / n)
    accuracy = wilson(int(answers.is_right.sum()), n, recipe.confidence)
    needed = min(majority + recipe.majority_margin, 1.0)
    passed = accuracy.value >= needed and (accuracy.low > majority or accuracy.value == 1)
    return Check("better than the commonest class", passed,
                 f"accuracy {accuracy}; the commonest class has {majority:.3f}, {needed:.3f} is needed")


def not_worse(candidate: Answers, champion: Answers, champion_name: str, recipe: GateRecipe, seed: int) -> Check:
    """Non-inferiority: on the same texts, what the candidate may have lost stays within the margin."""
    gains = candidate.is_right.astype(np.float64) - champion.is_right
    bound = lower_bound_of_mean(gains, confidence=recipe.confidence, n_resamples=recipe.n_resamples, seed=seed)
    says = (f"{gains.mean():+.3f} accuracy against {champion_name} on {len(gains)} texts, at least {bound:+.3f} with "
            f"{recipe.confidence:.0%} confidence; {-recipe.margin:+.3f} is allowed")
    if bound < -recipe.margin <= gains.mean():
        says += "; more gate labels would tell"
    return Check("not worse than the champion", bound >= -recipe.margin, says)


def calibrated(evaluation: Evaluation, recipe: GateRecipe) -> Check:
    """Confidence must mean what it says; few texts make the error look larger than it is."""
    says = f"calibration error {evaluation.ece:.3f}, {recipe.max_ece:.3f} is allowed"
    noise = 0.5 * np.sqrt(15 / evaluation.n_texts)    # expected gap of 15 bins of a perfectly calibrated coin
    if noise > recipe.max_ece:
        return Check("calibrated", None, f"{says}; not judged on {evaluation.n_texts} texts")
    return Check("calibrated", evaluation.ece <= recipe.max_ece, says)


def no_class_lost(answers: Answers, labels: list[str], recipe: GateRecipe) -> Check:
    """No class with enough gate labels may have a recall that is surely below the floor."""
    counts = np.bincount(answers.classes, minlength=len(labels))
    hits = np.bincount(answers.classes[answers.is_right], minlength=len(labels))
    judged = np.flatnonzero(counts >= recipe.min_class_labels)
    if not len(judged):
        return Check("no class lost", None, f"no class has the {recipe.min_class_labels} gate labels to judge it by")
    lost = [number for number in judged
            if wilson(int(hits[number]), int(counts[number]), recipe.confidence).high < recipe.min_recall]
    if lost:
        worst = ", ".join(f"{labels[number]} {hits[number]}/{counts[number]}" for number in lost[:5])
        return Check("no class lost", False, f"recall surely below {recipe.min_recall}: {worst}")
    return Check("no class lost", True, f"none of {len(judged)} classes has a recall surely below {recipe.min_recall}")
