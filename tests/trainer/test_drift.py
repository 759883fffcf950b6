"""Drift: stable streams stay quiet at the stated rate, planted drifts alarm, and an alarm leads to one run."""

from datetime import timedelta

import numpy as np
import pytest

from ingest.bank.tally import Tally
from trainer.drift.accuracy import estimate_accuracy
from trainer.drift.observed import Observed, joined
from trainer.drift.past import learn_past
from trainer.drift.permutation import p_values
from trainer.drift.priors import estimate_priors
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import advise
from trainer.drift.sketches import merged, sketch
from trainer.drift.watch import look, make_reference
from trainer.errors import RecipeError

RECIPE = DriftRecipe(alpha=0.05, window_texts=200, min_reference_texts=400, n_permutations=199, n_clusters=8,
                     n_directions=8, n_frequencies=32, n_words=32, confirming_alarms=1, of_windows=1)
WORDS = ("card", "money", "rate", "lost", "account", "refund")


def stream(n: int, seed: int, center: float = 0.0, run: int = 1, word: str = "") -> Observed:
    """Texts of three classes; `run` neighbors have the same class."""
    generator = np.random.default_rng(seed)
    classes = np.repeat(generator.integers(0, 3, n // run + 1), run)[:n]
    vectors = generator.normal(0, 0.5, (n, 12)) + np.eye(12)[classes] * 2 + center
    logits = vectors[:, :3] * 2
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    texts = [f"{WORDS[generator.integers(0, 6)]} {WORDS[klass]} {word}" for klass in classes]
    return Observed(texts, ["web"] * n, vectors.astype(np.float32), probs.astype(np.float32),
                    (1 - probs.max(axis=1)).astype(np.float32))


@pytest.mark.parametrize("run", [1, 10])
def test_stable_streams_alarm_as_often_as_stated_even_where_neighbors_depend_on_one_another(run):
    alarms = []
    for number in range(60):
        whole = stream(800 + 2 * 200, number, run=run)
        reference = make_reference(whole.take(np.arange(800)), RECIPE, number)
        alarms += [look(reference, whole.take(np.arange(start, start + 200)), RECIPE, number).is_alarm
                   for start in (800, 1_000)]

    assert sum(alarms) <= 13                          # 120 windows at 5 %: 6 expected, 13 or more have odds of 1 in 150


@pytest.mark.parametrize(("window", "family"), [
    (stream(200, 9, center=0.3), "text"),
    (stream(200, 10, word="refund"), "words"),
])
def test_a_planted_drift_alarms_and_names_what_moved(window, family):
    reference = make_reference(stream(800, 1), RECIPE, 1)
    report = look(reference, window, RECIPE, 1, ["a", "b", "c"])

    assert report.is_alarm and family in report.alarmed
    assert len(report.examples_now) == RECIPE.n_examples and report.moved
    assert advise(report)[0] != "wait" and report.to_dict()["is_alarm"]


def test_a_source_that_was_never_seen_is_told_by_name():
    reference = make_reference(stream(800, 1), RECIPE, 1)
    window = stream(200, 2)
    moved = look(reference, Observed(window.texts, ["app"] * 200, window.vectors, window.probs, window.novelty),
                 RECIPE, 1, ["a", "b", "c"]).moved

    assert ("source", "another source") in [(each.kind, each.name) for each in moved]


def test_a_stream_that_always_moves_does_not_alarm_for_moving():
    drifting = joined([stream(200, number, center=0.04 * number) for number in range(34)])
    n = len(drifting)
    reference = drifting.take(np.arange(n - 1_000, n - 200))
    window = drifting.take(np.arange(n - 200, n))
    ignorant = look(make_reference(reference, RECIPE, 1), window, RECIPE, 1)
    knowing = look(make_reference(reference, RECIPE, 1, drifting.take(np.arange(n - 1_000))), window, RECIPE, 1)

    assert ignorant.is_alarm and not knowing.is_alarm and "used to" in knowing.reason


def test_a_short_past_is_not_relied_on():
    reference = make_reference(stream(800, 1), RECIPE, 1)
    assert learn_past(sketch(reference.lens, stream(800, 2), 20), 20, 10) is None


def test_sketches_of_parts_merge_into_that_of_the_whole():
    lens = make_reference(stream(800, 1), RECIPE, 1).lens
    one, other = stream(100, 2), stream(60, 3)
    whole, parts = sketch(lens, joined([one, other]), 20), merged([sketch(lens, one, 20), sketch(lens, other, 20)])

    assert all(np.allclose(whole.means[name], parts.means[name]) for name in whole.means)


def test_the_least_score_has_p_one_and_ties_count_against_an_alarm():
    assert p_values(np.array([5.0, 1.0, 5.0, 2.0])).tolist() == [0.5, 1.0, 0.5, 0.75]


def test_shifted_shares_of_labels_are_estimated_from_answers_alone():
    generator = np.random.default_rng(0)
    blurred = np.array([[0.8, 0.2], [0.3, 0.7]])
    truth = generator.integers(0, 2, 2_000)
    shifted = (generator.random(2_000) < 0.9).astype(int)

    assert estimate_priors(blurred[truth], truth, blurred[shifted])[1] == pytest.approx(0.9, abs=0.03)


def test_accuracy_is_estimated_without_labels_where_the_assumption_holds():
    generator = np.random.default_rng(0)
    before, now = generator.uniform(0.5, 1, 3_000), generator.uniform(0.5, 0.8, 3_000)
    right = before > 0.6 + generator.normal(0, 0.02, 3_000)
    found = estimate_accuracy(before, right, now, 0.95, 0)

    assert found.value == pytest.approx(2 / 3, abs=0.05) and found.low <= found.value <= found.high
    assert found.labeled == pytest.approx(0.8, abs=0.03)


def test_a_recipe_that_cannot_reach_its_alpha_is_refused():
    with pytest.raises(RecipeError, match=r"n_permutations"):
        DriftRecipe(alpha=0.001)


def bank_rows(texts, start, now):
    import pyarrow as pa

    from ingest.schema import SCHEMA
    from registry.text import text_hash

    n = len(texts)
    at = [now + timedelta(seconds=start + number) for number in range(n)]
    given = {"id": [str(start + i) for i in range(n)], "text": texts, "text_hash": [text_hash(text) for text in texts],
             "task": ["intent"] * n, "source": ["web"] * n, "at": at, "banked_at": at, "kind": ["text"] * n,
             "day": [each.date() for each in at]}
    return pa.table({field.name: pa.array(given.get(field.name, [None] * n), field.type) for field in SCHEMA},
                    schema=SCHEMA)


@pytest.fixture
def watched(workplace, task, recipe, banking, now):
    """A champion that was trained beside 400 texts of four classes."""
    from registry.database import write
    from registry.lifecycle.promotion import approve, promote
    from tests.trainer.test_runs import train

    texts = [f"{text} {number}" for number in range(12) for texts in banking.values() for text in texts[30:60]]
    generator = np.random.default_rng(0)
    texts = [texts[row] for row in generator.permutation(len(texts))]
    workplace.bank.append(bank_rows(texts[:400], 0, now), {("t", 0): 400})
    version = train(workplace, recipe).version
    with write(workplace.engine) as session:
        approve(session, task, version.number, actor="bob", reason="good", now=now)
        promote(session, task, version.number, actor="bob", reason="good", now=now)
    return workplace, [f"{text} again" for text in texts[400:600]], now


def test_strange_texts_in_the_bank_alarm_once_and_the_check_is_kept(watched):
    from registry.database import read
    from registry.drift import list_drift_checks
    from trainer.scheduler.drift import DriftTriggers, watch

    workplace, _, now = watched
    strange = [f"the weather in town {number} is sunny with clouds" for number in range(200)]
    workplace.bank.append(bank_rows(strange, 5_000, now), {("t", 0): 600})
    first = watch(workplace, Tally(workplace.bank), "intent", RECIPE, DriftTriggers(runs_per_day=1), 1)
    second = watch(workplace, Tally(workplace.bank), "intent", RECIPE, DriftTriggers(runs_per_day=1), 1)

    assert first is not None and first.is_alarm and first.advice != "wait" and second is None
    with read(workplace.engine) as session:
        assert [check.id for check in list_drift_checks(session, "intent")] == [first.id]


def test_a_run_is_asked_for_once_within_the_budget_and_never_in_a_dry_run(watched):
    from registry.database import read, write
    from registry.drift import record_drift_check
    from registry.lifecycle.runs import request_run
    from registry.lifecycle.versions import champion_of
    from trainer.scheduler.drift import DriftTriggers, why_not

    workplace, _, now = watched
    with read(workplace.engine) as session:
        champion = champion_of(session, "intent")
        assert why_not(session, "intent", champion, DriftTriggers(1), now) is None
        assert why_not(session, "intent", champion, DriftTriggers(1, is_dry_run=True), now) == "dry run"
        assert "budget" in str(why_not(session, "intent", champion, DriftTriggers(0), now))
    with write(workplace.engine) as session:
        record_drift_check(session, "intent", bank_version=1, version_number=1, advice="discover", run_id=None,
                           report={"is_alarm": True, "p_value": 0.001, "reason": "x"}, now=now)
        cooling = DriftTriggers(5, timedelta(hours=1))
        assert "cooling down for 3600 s" in str(why_not(session, "intent", champion, cooling, now))
        assert why_not(session, "intent", champion, cooling, now + timedelta(hours=2)) is None
        request_run(session, "intent", actor="drift", reason="x", now=now)
        assert why_not(session, "intent", champion, DriftTriggers(5), now) == "a run is on its way"


def test_what_training_embedded_is_not_embedded_again_to_answer_it(watched):
    from registry.database import read
    from registry.lifecycle.versions import champion_of
    from trainer.drift.answers import CachedAnswers, hashes_of
    from trainer.encoders.cache import EmbeddingCache
    from trainer.export.bundle import digest_in

    workplace, texts, _ = watched
    with read(workplace.engine) as session:
        champion = champion_of(session, "intent")
    first = CachedAnswers(champion, workplace.store, workplace.cache, 1)
    kept = EmbeddingCache(workplace.cache, digest_in(first.predictor.facts.encoder))
    seen = first.observe(texts[:1], [None])
    kept.add(hashes_of(["a text that nobody embedded"]), seen.vectors)        # its answer tells where it is from
    again = CachedAnswers(champion, workplace.store, workplace.cache, 1).observe(
        [texts[0], "a text that nobody embedded"], [None] * 2)
    probs, novelty = first.predictor.probs(texts[:1])

    assert np.allclose(seen.probs, probs, atol=1e-5) and np.allclose(seen.novelty, novelty, atol=1e-5)
    assert np.allclose(again.probs[1], probs[0], atol=1e-5) and np.allclose(again.vectors[1], seen.vectors[0])
