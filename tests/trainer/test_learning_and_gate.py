"""Heads learn and are calibrated; the gate refuses what is worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.evaluation import Answers, Latency, calibration_of, ece, evaluate, macro_f1_of
from trainer.gate.decide import Opponent, decide
from trainer.gate.flips import flips_of, on_gate
from trainer.intervals import wilson
from trainer.learning.calibration import fit_temperature
from trainer.learning.embedded import Labeled
from trainer.learning.supervised import learn_supervised
from trainer.recipe import GateRecipe, HeadRecipe

LABELS = ["a", "b", "c", "d"]


def clusters(n_per_class, spread, seed=0, n_classes=4, d=16):
    generator = np.random.default_rng(seed)
    centers = np.random.default_rng(1).standard_normal((n_classes, d))
    classes = np.repeat(np.arange(n_classes), n_per_class)
    vectors = centers[classes] + spread * generator.standard_normal((len(classes), d))
    return Labeled((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), classes, n_classes)


@pytest.mark.parametrize("n_per_class", [1, 2, 20])
def test_a_head_learns_from_few_labels_and_twice_the_same(n_per_class):
    train, test = clusters(n_per_class, 0.5), clusters(50, 0.5, seed=9)

    head, again = (learn_supervised(train, HeadRecipe(), seed=3) for _ in range(2))

    assert (head.probs(test.vectors).argmax(axis=1) == test.classes).mean() > 0.85
    np.testing.assert_array_equal(head.weight, again.weight)


def test_confidence_means_what_it_says_on_texts_not_seen():
    head, test = learn_supervised(clusters(30, 1.5), HeadRecipe(), seed=3), clusters(500, 1.5, seed=9)

    assert ece(Answers(head.probs(test.vectors), test.classes)) < 0.06


def test_a_temperature_undoes_overconfidence():
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((4_000, 3))
    classes = np.array([generator.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in logits])

    assert fit_temperature(logits * 5, classes) == pytest.approx(5, rel=0.1)


def test_wilson_is_the_interval_of_the_textbook():
    found = wilson(8, 10, 0.95)
    assert (found.low, found.high) == pytest.approx((0.490, 0.943), abs=1e-3)


def test_macro_f1_counts_classes_that_occur():
    assert macro_f1_of(np.array([0, 0, 1]), np.array([0, 1, 1]), 5) == pytest.approx(2 / 3)


def answers(n, accuracy, seed, confidence=None):
    """Balanced labels answered right with the given share and a matching confidence."""
    generator = np.random.default_rng(seed)
    classes = np.arange(n) % 4
    is_right = generator.permutation(n) < round(n * accuracy)
    probs = np.full((n, 4), (1 - (confidence or accuracy)) / 3, np.float32)
    probs[np.arange(n), np.where(is_right, classes, (classes + 1) % 4)] = confidence or accuracy
    return Answers(probs, classes)


def better_by(champion, gain, seed):
    """The champion's answers with some of the wrong ones mended, as a retraining on more texts does."""
    wrong = np.flatnonzero(~champion.is_right)
    mended = np.random.default_rng(seed).permutation(wrong)[: round(gain * len(champion.classes))]
    accuracy = champion.is_right.mean() + gain
    guesses = champion.guesses.copy()
    guesses[mended] = champion.classes[mended]
    probs = np.full_like(champion.probs, (1 - accuracy) / 3)
    probs[np.arange(len(guesses)), guesses] = accuracy
    return Answers(probs, champion.classes)


def judged(candidate, champion=None, recipe=None, champion_ms=1.0):
    recipe = recipe or GateRecipe()
    n = len(candidate.classes)
    evaluation = evaluate(candidate, LABELS, Latency(1, 2), 10, confidence=0.95, n_resamples=200, seed=0) if n else None
    opponent = None if champion is None else Opponent("t v1", LABELS, champion, candidate, Latency(champion_ms, 2), 10,
                                                      np.arange(n), lambda texts: champion.probs[: len(texts)])
    return decide("t", candidate, evaluation, LABELS, opponent, recipe, seed=0)


@settings(max_examples=25, deadline=None)
@given(st.integers(200, 600), st.floats(0.6, 0.95), st.floats(0.12, 0.3), st.integers(0, 99))
def test_a_clearly_worse_candidate_is_refused(n, accuracy, drop, seed):
    decision = judged(answers(n, accuracy - drop, seed), answers(n, accuracy, seed + 1))

    assert not decision.passed and "not worse than the champion" in decision.reasons[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(300, 600), st.floats(0.5, 0.8), st.integers(0, 99))
def test_a_clearly_better_candidate_passes(n, accuracy, seed):
    champion = answers(n, accuracy, seed)

    assert judged(better_by(champion, 0.15, seed), champion).passed


def test_a_better_candidate_that_turns_too_many_right_answers_wrong_is_refused():
    decision = judged(answers(600, 0.75, 1), answers(600, 0.6, 2))     # 25 % of what was right is wrong now

    assert not decision.passed and "few negative flips: " in decision.reasons[0]


def test_a_candidate_that_weakens_one_class_of_the_champions_is_refused_by_name():
    champion = answers(800, 0.6, 0)
    candidate = better_by(champion, 0.25, 0)
    of_class = champion.classes == 2
    candidate.probs[of_class] = champion.probs[of_class]
    turned = np.flatnonzero(of_class & champion.is_right)[:40]
    candidate.probs[turned] = np.roll(candidate.probs[turned], 1, axis=1)

    decision = judged(candidate, champion)

    assert not decision.passed and any(reason.startswith("no class weakened: ") and " c -0." in reason
                                       for reason in decision.reasons)


def test_a_candidate_that_is_much_slower_is_refused():
    champion = answers(400, 0.7, 0)

    decision = judged(better_by(champion, 0.1, 0), champion, champion_ms=0.2)

    assert not decision.passed and decision.reasons[0].startswith("as quick as the champion: 1.0 ms a text over 0.2 ms")


@pytest.mark.parametrize(("candidate", "says"), [
    (Answers(np.empty((0, 4), np.float32), np.empty(0, np.int64)), "0 gate labels, 20 are needed: import more with"),
    (answers(12, 0.9, 0), "12 gate labels"),
    (answers(200, 0.27, 0), "better than the commonest class"),
    (answers(400, 0.7, 0, confidence=0.99), "calibrated: calibration error 0.29"),
])
def test_a_first_version_is_refused_with_the_reason(candidate, says):
    decision = judged(candidate)

    assert not decision.passed and says in "; ".join(decision.reasons)


def test_a_candidate_that_lost_a_class_is_refused_by_name():
    lost = answers(400, 1.0, 0, confidence=0.76)
    lost.probs[lost.classes == 2] = [0.76, 0.08, 0.08, 0.08]

    decision = judged(lost)

    assert not decision.passed and "recall surely below 0.2: c 0/100" in decision.reasons[0]


def test_a_decision_keeps_every_check_and_reads_as_json():
    decision = judged(answers(100, 0.8, 0)).to_dict()

    assert [check["name"] for check in decision["checks"]] == [
        "gate labels", "better than the commonest class", "calibrated", "no class lost"]


def test_changed_answers_are_counted_by_whether_people_agree_and_kept_the_most_confident_first():
    before = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    now = np.array([[0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    flips = flips_of(["a", "b" * 999, "same", "d"], before, now, ["x", "y"], ["x", "y", "z"], ["y", "y", "x", "y"])
    told = on_gate("t v1", flips, 4)
    assert [(flip["was"], flip["now"]) for flip in told["flips"]] == [("y", "x"), ("x", "z"), ("x", "y")]
    assert (told["n_fixed"], told["n_broken"], told["n_otherwise"]) == (1, 1, 1)
    assert len(told["flips"][0]["text"]) == 300


def test_the_kept_bins_of_confidence_hold_every_text_once():
    found = calibration_of(answers(500, 0.8, 1))
    assert sum(each["n_texts"] for each in found) == 500
    assert sum(each["accuracy"] * each["n_texts"] for each in found) == pytest.approx(
        answers(500, 0.8, 1).is_right.sum())
