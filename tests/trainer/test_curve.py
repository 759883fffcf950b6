"""The data-performance curve: it foretells known curves, tells how many labels are missing, and when it cannot."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from infra.commands.curve import lines_of
from infra.curve_plot import curve_svg
from trainer.curve.curve import LABELS_ONLY, ArmCurve, TaskCurve, curve_of
from trainer.curve.demand import band, demand, labels_needed, saving
from trainer.curve.draws import halved, nested_order
from trainer.curve.keeping import CURVE_FILE, keep, newest
from trainer.curve.points import Point, evidence_of
from trainer.curve.posterior import posterior_of
from trainer.curve.recipe import CurveRecipe
from trainer.errors import NotTrainable

RECIPE = CurveRecipe()


def posterior(accuracy, sizes=(100, 200, 400, 800), noise=0.004, n_draws=4, seed=0):
    generator = np.random.default_rng(seed)
    points = [Point(size, float(accuracy(size) + generator.normal(0, noise)), draw)
              for size in sizes for draw in range(n_draws)]
    return posterior_of(evidence_of(points, 4_000, is_same_judge=True), seed)


@pytest.mark.parametrize("accuracy", [
    lambda n: 0.95 - 2.0 * n**-0.4, lambda n: 0.9 - 0.5 * np.exp(-n / 700),
    lambda n: 0.92 - 0.6 / (1 + (n / 150) ** 0.9),
])
def test_twice_the_labels_are_foretold_on_curves_of_three_laws(accuracy):
    low, middle, high = band(posterior(accuracy), np.array([1_600]), 0.8, 0)[:, 0]
    assert abs(middle - accuracy(1_600)) < 0.017
    assert low < accuracy(1_600) < high < low + 0.08


def test_bands_hold_teams_whose_labels_are_lucky_or_not_about_as_often_as_they_say_and_are_no_wider_than_needed():
    """Each team's luck is in all its scores alike and wears off by half with twice the labels."""
    held, widths = [], []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        luck = generator.normal(0, 0.014)
        team = posterior(lambda n, luck=luck: 0.9 - 2.0 * n**-0.5 + luck, sizes=(50, 100, 200), noise=0.003, seed=seed)
        low, _, high = band(team, np.array([400]), 0.8, seed)[:, 0]
        held.append(low <= 0.8 + luck / 2 + generator.normal(0, 0.009) <= high)
        widths.append(high - low)
    assert sum(held) >= 12
    assert np.mean(widths) < 0.075


def test_luck_wears_off_as_labels_are_added_to_those_at_hand():
    found = posterior(lambda n: 0.95 - 2.0 * n**-0.4)
    lucky = replace(found, luck=np.full_like(found.luck, 0.02))
    plain = replace(found, luck=np.zeros_like(found.luck))
    fallen = (plain.at(np.array([400.0, 800.0, 1_600.0])) - lucky.at(np.array([400.0, 800.0, 1_600.0]))).mean(axis=0)
    assert fallen == pytest.approx([0, 0, 0.01])
    assert found.luck.std() > 0 and found.at(np.array([1e5])).max() <= 1


def test_draws_of_one_hand_tell_less_of_its_spread_than_their_own_suggests():
    points = [Point(size, accuracy, draw) for size in (100, 200)
              for draw, accuracy in enumerate((0.76, 0.84, 0.78, 0.82))] + [Point(400, 0.85, 0)]
    evidence = evidence_of(points, 4_000, is_same_judge=True)
    assert evidence.luck > 0
    assert evidence.noise_at(np.array([400.0])) < evidence.noise_at(np.array([200.0]))
    easy = evidence_of([replace(point, accuracy=0.99) for point in points], 4_000, is_same_judge=True)
    assert easy.spread < evidence.spread / 2


def test_bands_of_the_missing_labels_hold_the_truth_about_as_often_as_they_say():
    truth = (2.0 / 0.10) ** 2.5 - 800
    found = [demand(posterior(lambda n: 0.97 - 2.0 * n**-0.4, seed=seed), 0.87, 800, RECIPE) for seed in range(12)]
    assert all(each.more is not None and f"{each.more:,} more labels" in each.says for each in found)
    assert sum(each.low <= truth <= each.high for each in found) >= 7


def test_a_target_that_is_reached_needs_no_more_labels():
    assert demand(posterior(lambda n: 0.95 - 2.0 * n**-0.4), 0.7, 800, RECIPE).more == 0


def test_a_target_above_a_flat_curve_cannot_be_told_and_says_why():
    found = demand(posterior(lambda n: 0.7 - 0.3 * np.exp(-n / 100)), 0.95, 800, RECIPE)
    assert found.more is None and found.says.startswith("cannot tell yet") and "asymptote" in found.says


def test_half_the_labels_for_the_same_score_is_a_saving_of_two():
    one = posterior(lambda n: 0.97 - 2.0 * n**-0.4)
    other = posterior(lambda n: 0.97 - 2.0 * (2 * n) ** -0.4)
    found = saving(one, other, 0.85, RECIPE)
    assert found is not None and found.low <= 2 <= found.high
    assert found.value == pytest.approx(2, rel=0.25)
    assert saving(one, other, 0.9999, RECIPE) is None


def test_a_saving_is_never_read_off_below_the_labels_that_were_measured():
    one, other = posterior(lambda n: 0.97 - 2.0 * n**-0.4), posterior(lambda n: 0.97 - 0.5 * n**-0.4)
    found = saving(one, other, 0.85, RECIPE)
    assert found is not None and found.is_least and 8 < found.value < found.high < 20
    assert json.loads(json.dumps(asdict(found)))["is_least"] is True
    assert (labels_needed(other, 0.85) >= 100).all()
    assert saving(other, other, 0.85, RECIPE) is None


def test_a_person_reads_what_twice_the_labels_bring_even_where_the_target_cannot_be_told():
    found = posterior(lambda n: 0.7 - 0.3 * np.exp(-n / 100))
    arm = ArmCurve([], found, demand(found, 0.95, 800, RECIPE))
    told = lines_of(TaskCurve("intents", 0.95, 800, "240 gate labels", {LABELS_ONLY: arm}, None, 0.8, 0))
    assert told[0] == "intents: 800 labels at hand, judged by 240 gate labels"
    assert told[1].startswith("labels only: cannot tell yet: 0.950 lies above")
    assert told[2].startswith("labels only: twice the labels score about 0.7") and "80% band" in told[2]
    assert told[3].startswith("HyperMatch: not measured")


def test_labels_that_judged_one_another_leave_the_height_less_sure():
    points = [Point(size, 0.5 + 0.05 * step, 0) for step, size in enumerate((50, 100, 200))]
    widths = []
    for is_same_judge in (True, False):
        found = band(posterior_of(evidence_of(points, 200, is_same_judge), 0), np.array([200]), 0.8, 0)
        widths.append(float(found[2, 0] - found[0, 0]))
    assert widths[1] > 1.3 * widths[0]


def test_more_labels_are_never_needed_for_a_lower_target():
    found = posterior(lambda n: 0.95 - 2.0 * n**-0.4)
    assert (labels_needed(found, 0.8) <= labels_needed(found, 0.85)).all()


def test_every_beginning_of_a_draw_holds_each_class_in_its_share():
    classes = np.array([0] * 60 + [1] * 30 + [2] * 10)
    drawn = np.bincount(classes[nested_order(classes, np.random.default_rng(0))[:50]], minlength=3)
    assert np.abs(drawn - [30, 15, 5]).max() <= 1
    assert halved(100, 4, 20) == [25, 50, 100]


def test_a_task_gets_its_curve_a_plot_and_an_entry_that_finds_it(workplace, task, recipe):
    curve = curve_of(workplace, task, 0.5, recipe, CurveRecipe(n_draws=2, min_per_class=1.0, min_gate=40),
                     lambda _step, _done: None)
    assert curve.judge == "60 gate labels" and list(curve.arms) == [LABELS_ONLY]
    plot = curve_svg(curve.to_dict())
    assert plot.count("<polygon") == 1 and "nan" not in plot
    digest = keep(workplace, curve, plot, actor="ann")
    assert newest(workplace, task) == digest
    assert json.loads(workplace.store.load(digest).files[CURVE_FILE])["n_labels"] == 40


def test_too_few_labels_are_refused_before_any_work(workplace, task, recipe):
    with pytest.raises(NotTrainable, match="cannot tell yet: 40 labels of 4 classes"):
        curve_of(workplace, task, 0.9, recipe, CurveRecipe(min_per_class=4.0), lambda _step, _done: None)
