"""What follows from drift: sources watched by themselves, k of n windows, questions to people, pages that show it."""

import gc
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from ingest.bank.tally import Tally
from tests.trainer.test_drift import RECIPE, bank_rows, stream, watched  # noqa: F401
from trainer.drift.observed import Observed
from trainer.drift.report import DriftReport
from trainer.drift.sequence import is_confirmed
from trainer.drift.watch import look, make_reference
from trainer.metrics import Metrics

TWO_OF_THREE = replace(RECIPE, confirming_alarms=2, of_windows=3)


def from_sources(observed: Observed, *names: str) -> Observed:
    """Let runs of neighbors come from one source after the other."""
    sources = [names[row // 4 % len(names)] for row in range(len(observed))]
    return Observed(observed.texts, sources, observed.vectors, observed.probs, observed.novelty)


def test_a_source_that_moves_by_itself_is_named_though_the_whole_hides_it():
    recipe = replace(RECIPE, window_texts=800, min_reference_texts=1_600, block_texts=10, n_permutations=499)
    reference = make_reference(from_sources(stream(3_200, 1), "web", "app", "mail", "chat"), recipe, 1)
    window = from_sources(stream(800, 2), "web", "app", "mail", "chat")
    moved = window.vectors.copy()
    moved[np.array(window.sources) == "app", 3:] += 0.4
    report = look(reference, Observed(window.texts, window.sources, moved, window.probs, window.novelty), recipe, 1)

    assert "source app" in report.alarmed and "source web" not in report.alarmed
    assert set(report.segments) == {"web", "app", "mail", "chat"} and report.p_value == min(
        *report.segments.values(), *report.families.values())


def test_stable_sources_do_not_add_false_alarms():
    alarms = []
    for number in range(30):
        whole = from_sources(stream(2_400, number), "web", "app")
        reference = make_reference(whole.take(np.arange(1_600)), replace(RECIPE, block_texts=10), number)
        alarms += [look(reference, whole.take(np.arange(start, start + 400)), RECIPE, number).is_alarm
                   for start in (1_600, 2_000)]
    assert sum(alarms) <= 8                           # of 60 at 5 %: 3 expected, 9 or more have odds of 1 in 300


@pytest.mark.parametrize(("alarms", "is_reason"), [
    ("1", False), ("11", True), ("101", True), ("1001", False), ("110", False), ("", False)])
def test_one_alarm_may_be_chance_and_two_of_three_are_a_reason(alarms, is_reason):
    assert is_confirmed([each == "1" for each in alarms], TWO_OF_THREE) is is_reason


def test_an_alarm_alone_waits_and_says_what_is_missing(watched):  # noqa: F811
    from trainer.scheduler.drift import DriftTriggers, watch

    workplace, _, now = watched
    told = []
    followed = DriftTriggers(runs_per_day=5, discover=lambda *_: told.append("discover"),
                             ask=lambda *_: told.append("ask"))
    for number in range(2):
        strange = [f"the weather in town {number} {each} is sunny with clouds" for each in range(200)]
        workplace.bank.append(bank_rows(strange, 5_000 + 1_000 * number, now), {("t", 0): 6_000 + 1_000 * number})
        check = watch(workplace, Tally(workplace.bank), "intent", TWO_OF_THREE, followed, 1)
        if number == 0:
            assert check.is_alarm and check.advice == "wait" and "1 of the last 3 windows, 2 are needed" in check.reason

    assert check.advice != "wait" and (told or check.run_id is not None)
    assert check.report["counts"]["window"]["n_texts"] == 200 and 0 <= check.report["novelty_rate"] <= 1


def test_a_look_that_takes_too_long_goes_on_with_the_next_tick(watched):  # noqa: F811
    from trainer.drift import tick
    from trainer.scheduler.drift import DriftTriggers, watch

    workplace, texts, now = watched
    workplace.bank.append(bank_rows(texts, 5_000, now), {("t", 0): 5_200})
    hasty, looks = DriftTriggers(1, seconds_per_tick=1e-9), []
    while not looks or looks[-1] is None:
        looks.append(watch(workplace, Tally(workplace.bank), "intent", RECIPE, hasty, 1))
        assert len(looks) < 20
    assert tick.CHUNK_TEXTS < 660 and looks[-1].report["n_window"] == 200


def test_people_are_asked_about_the_window_that_moved(watched):  # noqa: F811
    from registry.database import read
    from registry.reviews import list_items
    from trainer.asking.drifted import ask_about
    from trainer.drift.tick import look_at_bank

    workplace, _, now = watched
    strange = [f"the weather in town {each} is sunny with clouds" for each in range(200)]
    workplace.bank.append(bank_rows(strange, 5_000, now), {("t", 0): 6_000})
    found = look_at_bank(workplace, "intent", RECIPE, 1)
    ask_about(workplace, "intent", found)
    ask_about(workplace, "intent", found)             # again asks for others
    with read(workplace.engine) as session:
        items = list_items(session, "intent")

    assert len(items) == len({item.text for item in items}) > 40 and all("weather" in item.text for item in items)
    assert all(item.why and item.guess and item.queued_by == "drift" for item in items)


def test_texts_are_asked_for_what_makes_them_worth_it_and_near_copies_once():
    from trainer.asking.recipe import AskingRecipe
    from trainer.asking.worth import Views, choose

    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(200, 16))
    vectors[1] = vectors[0]                           # one question in two copies
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    probs = np.tile([0.9, 0.1], (200, 1))
    probs[:2], probs[2:40:2] = 0.5, [0.6, 0.4]
    novelty = np.linspace(0, 1, 200)
    views = Views([f"text {row}" for row in range(200)], vectors, probs, novelty, vectors[100:110], np.ones(10, int),
                  vectors[150:151])
    found = choose(views, ["a", "b"], 40, AskingRecipe(), 3)
    by_way = {way: {int(each.text.split()[1]) for each in found if each.chosen == way} for way in (
        "uncertainty", "novelty", "disagreement", "drift", "random")}

    assert len(found) == len({each.text for each in found}) == 40
    assert {way: len(rows) for way, rows in by_way.items()} == {
        "uncertainty": 12, "novelty": 8, "disagreement": 8, "drift": 4, "random": 8}
    assert len(by_way["uncertainty"] & {0, 1}) == 1 and 150 in by_way["drift"] | by_way["random"]
    assert min(by_way["novelty"]) > 180
    assert all("nearest" in each.why for each in found if each.chosen == "disagreement")
    first = sorted(found, key=lambda each: -each.worth)[:10]
    assert len({each.chosen for each in first}) >= 4  # who stops early has seen some of each


@pytest.fixture(scope="module")
def drifted():
    """A look at a window that drifted, with labels to judge by."""
    from trainer.drift.tick import Look
    from trainer.evaluation import Answers

    reference, window = stream(400, 1), stream(200, 9, center=0.3)
    report = look(make_reference(reference, RECIPE, 1), window, RECIPE, 1, ["a", "b", "c"])
    return Look(report, SimpleNamespace(number=3), 5, reference, window, ["a", "b", "c"],
                Answers(reference.probs[:60], reference.probs[:60].argmax(axis=1)))


def test_a_look_is_shown_by_evidently_in_its_workspace_and_as_a_page(drifted, tmp_path, now):
    from evidently.ui.workspace import Workspace

    from trainer.drift.snapshots import keep_snapshot

    kept = keep_snapshot(tmp_path, "intent", 7, drifted, now)
    workspace = Workspace.create(str(tmp_path))

    assert [project.name for project in workspace.list_projects()] == ["intent"]
    names = sorted(workspace.get_run(kept.project, run).name for run in workspace.list_runs(kept.project))
    assert names[0].startswith("check 7-labels: ") and names[1].startswith("check 7: ") and "p 0.0" in names[1]
    assert kept.page == tmp_path / "pages/intent/7.html" and "<html" in kept.page.read_text()[:500].lower()
    assert (tmp_path / "pages/intent/7-labels.html").exists()


def test_showing_a_look_reads_no_other_and_leaves_nothing_in_memory(drifted, tmp_path, now):
    from trainer.drift.snapshots import Snapshots, keep_snapshot

    folder = tmp_path / "not yet there"
    first = keep_snapshot(folder, "intent", 7, drifted, now)
    for snapshot in (folder / first.project / "snapshots").glob("*.json"):
        snapshot.write_text("not what Evidently wrote")
    second = keep_snapshot(folder, "intent", 8, drifted, now)
    assert gc.collect() < 10_000                      # of the 300,000 objects in cycles that Evidently leaves
    assert second.project == first.project and len(Snapshots(folder).list_runs(first.project)) == 4


def test_prometheus_hears_of_looks():
    metrics = Metrics()
    report = {"novelty_rate": 0.2, "accuracy": {"value": 0.7}}
    metrics.looked(SimpleNamespace(task="intent", p_value=0.004, is_alarm=True, advice="discover", report=report))

    def value(name, **labels):
        return metrics.registry.get_sample_value(name, {"task": "intent"} | labels)

    assert value("hypermatch_trainer_drift_p_value") == 0.004 and value("hypermatch_trainer_drift_is_alarm") == 1
    assert value("hypermatch_trainer_novelty_ratio") == 0.2
    assert value("hypermatch_trainer_estimated_accuracy_ratio") == 0.7
    assert value("hypermatch_trainer_drift_windows_total", advice="discover") == 1


def test_a_report_says_which_families_and_sources_moved():
    report = DriftReport(alpha=0.01, p_value=0.002, families={"text": 0.002, "words": 0.5},
                         segments={"app": 0.008, "web": 0.9}, unadjusted={}, components={}, is_beyond_past=None,
                         n_reference=1, n_window=1, block_texts=1)
    assert report.alarmed == ["text", "source app"]


def test_a_trainer_looks_again_only_once_something_changed(watched, tmp_path):  # noqa: F811
    from threading import Event

    from trainer.scheduler.decide import Triggers
    from trainer.scheduler.drift import DriftTriggers
    from trainer.scheduler.loop import Trainer

    workplace, texts, now = watched
    recipe = 'encoder = "subword"\n[drift]\nwindow_texts = 200\nmin_reference_texts = '
    (tmp_path / "intent.toml").write_text(recipe + "600\n")
    triggers = Triggers(10_000, 100_000, timedelta(0))
    trainer = Trainer(workplace, triggers, tmp_path, Event(), Tally(workplace.bank),
                      drift=DriftTriggers(2, seconds_per_tick=60))
    workplace.bank.append(bank_rows(texts, 5_000, now), {("t", 0): 5_200})
    trainer.tick()
    assert list(trainer.unwatchable) == ["intent"]    # the reference has 400 texts, 600 are wanted
    (tmp_path / "intent.toml").write_text(recipe + "400\n")
    trainer.tick()
    assert trainer.metrics.registry.get_sample_value("hypermatch_trainer_drift_look_seconds_count") == 0
    workplace.bank.append(bank_rows([f"{text} more" for text in texts], 9_000, now), {("t", 0): 9_200})
    trainer.tick()
    assert trainer.metrics.registry.get_sample_value("hypermatch_trainer_drift_look_seconds_count") == 1
    assert trainer.metrics.registry.get_sample_value("hypermatch_trainer_ticked_at_seconds") > 0


def test_before_there_is_a_champion_a_head_on_the_labels_chooses(workplace, task, recipe, now):
    from registry.database import read
    from registry.reviews import list_items
    from trainer.asking.recipe import AskingRecipe
    from trainer.asking.review import fill_queue

    workplace.bank.append(bank_rows([f"where is my card number {each}" for each in range(40)], 0, now), {("t", 0): 40})
    n = fill_queue(workplace, task, 10, recipe, AskingRecipe(), actor="ann", n_wanted=1, report=lambda *_: None)
    with read(workplace.engine) as session:
        items = list_items(session, task)

    assert n == len(items) == 10 and {item.chosen for item in items} == {"random", "uncertainty"}
    assert all(item.guess is None for item in items)
