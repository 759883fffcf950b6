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


def few_negative_flips(candidate: Answers, champion: Answers, recipe: GateRecipe) -> Check:
    """What was right yesterday should stay right, even where the sum of all answers got better."""
    n_flips, n_right = int((champion.is_right & ~candidate.is_right).sum()), int(champion.is_right.sum())
    if not n_right:
        return Check("few negative flips", None, "the champion had no text right")
    rate = wilson(n_flips, n_right, recipe.confidence)
    return Check("few negative flips", rate.low <= recipe.max_negative_flips,
                 f"{n_flips} of the {n_right} texts that were right are wrong now, {rate}; "
                 f"{recipe.max_negative_flips:.0%} are allowed")


def no_class_weakened(candidate: Answers, champion: Answers, labels: list[str], recipe: GateRecipe,
                      seed: int) -> Check:
    """No class that the champion knows may surely lose more recall than the margin; `labels` are the champion's."""
    counts = np.bincount(champion.classes, minlength=len(labels))
    judged = np.flatnonzero(counts >= recipe.min_class_labels)
    if not len(judged):
        return Check("no class weakened", None, f"no class has {recipe.min_class_labels} gate labels to judge it by")
    losses = champion.is_right.astype(np.float64) - candidate.is_right
    weakened = []
    for number in judged:
        of_class = losses[champion.classes == number]
        if lower_bound_of_mean(of_class, confidence=recipe.confidence, n_resamples=recipe.n_resamples,
                               seed=seed) > recipe.class_margin:
            weakened.append(f"{labels[number]} {-of_class.mean():+.3f}")
    if weakened:
        return Check("no class weakened", False,
                     f"recall surely fell by more than {recipe.class_margin}: {', '.join(weakened[:5])}")
    return Check("no class weakened", True,
                 f"none of {len(judged)} classes surely lost {recipe.class_margin} of its recall")


def as_quick(candidate_ms: float, champion_ms: float, recipe: GateRecipe) -> Check:
    """Medians of single texts, timed on one machine one right after the other."""
    ratio = candidate_ms / max(champion_ms, 1e-9)
    return Check("as quick as the champion", ratio <= recipe.max_slowdown,
                 f"{candidate_ms:.1f} ms a text over {champion_ms:.1f} ms, {recipe.max_slowdown:g} times is allowed")


def as_small(candidate_bytes: int, champion_bytes: int, recipe: GateRecipe) -> Check:
    ratio = candidate_bytes / max(champion_bytes, 1)
    return Check("as small as the champion", ratio <= recipe.max_growth,
                 f"{candidate_bytes / 2**20:.1f} MiB over {champion_bytes / 2**20:.1f} MiB, "
                 f"{recipe.max_growth:g} times is allowed")


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
