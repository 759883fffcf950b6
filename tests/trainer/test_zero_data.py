"""A start without a human label: label names and the bank make a first candidate, said to be unproven, and gated."""

from datetime import UTC, datetime

import numpy as np
import pytest

from infra.commands.train import lines_of
from registry.artifacts.bundle import load_bundle
from registry.database import write
from registry.labels import import_labels
from registry.tables import Part, Stage
from registry.tasks import create_task
from tests.trainer.conftest import LABELS
from tests.trainer.test_in_domain import N_CLASSES, accuracy, unit, world
from tests.trainer.test_runs import runs, train
from tests.trainer.test_selection import banked
from trainer.errors import NotTrainable
from trainer.learning.advised import Advice
from trainer.learning.zero_data import learn_from_names, say_something
from trainer.recipe import HeadRecipe, InDomainRecipe


def names(noise=1.5):
    """One vector per class, somewhere near its middle."""
    texts = world(200, seed=7)
    centers = np.stack([texts.vectors[texts.classes == each].mean(0) for each in range(N_CLASSES)])
    return unit(centers + noise * np.random.default_rng(0).standard_normal(centers.shape) / centers.shape[1] ** 0.5)


def begun(bank, advice=None):
    return learn_from_names(names(), bank, HeadRecipe(), InDomainRecipe(), 0, advice)


def test_the_bank_makes_more_of_label_names_than_they_are_by_themselves():
    test, found = world(100, seed=9), begun(world(100, seed=5).vectors)

    assert accuracy(found.head, test) > accuracy(found.labels_only, test) + 0.02
    assert found.choice.arm == "zero-data" and "unproven" in found.choice.reason


def test_advice_counts_in_the_place_of_labels_but_not_what_was_made_of_labels():
    texts = world(30, seed=7)
    soft = np.eye(N_CLASSES, dtype=np.float32)[texts.classes]

    def advice(origin):
        return Advice(texts.vectors, soft, np.full(len(texts), 0.9, np.float32), (frozenset(origin),) * len(texts))

    bank, test = world(7, seed=5).vectors, world(100, seed=9)
    helped, barred = begun(bank, advice(())), begun(bank, advice({0}))
    assert accuracy(helped.head, test) > accuracy(barred.head, test) + 0.01
    assert "advice" in helped.choice.reason


def test_too_few_texts_are_refused_with_the_ways_out():
    with pytest.raises(NotTrainable, match=r"bank holds 10 texts, 50 are needed"):
        begun(world(100, seed=5).vectors[:10])


@pytest.mark.parametrize(("labels", "says"), [
    (["card_arrival", "refund"], True), (["긍정", "부정"], True), (["0", "1"], False), (["L-1", "L-2"], False),
    (["only"], False)])
def test_names_that_are_no_words_say_nothing(labels, says):
    assert say_something(labels) is says


@pytest.fixture
def bare_task(workplace, banking):
    """Return a function that makes a task with names, gate labels and traffic, and not one train label."""

    def run(labels=LABELS, n_traffic=60):
        now, renamed = datetime.now(UTC), dict(zip(LABELS, labels, strict=True))
        with write(workplace.engine) as session:
            create_task(session, "intent", labels, actor="ann", now=now)
            rows = [(text, renamed[label]) for label, texts in banking.items() for text in texts[:15]]
            import_labels(session, "intent", rows, part=Part.GATE, actor="ann", origin="test", now=now)
        banked(workplace, "intent", [text for texts in banking.values() for text in texts[15 : 15 + n_traffic]])

    return run


def test_a_task_without_labels_gets_a_first_candidate_that_only_the_gate_lets_through(workplace, bare_task, recipe,
                                                                                     banking):
    bare_task()
    outcome = train(workplace, recipe)
    version = outcome.version

    assert version.n_labels == 0 and version.evaluation["learning"]["arm"] == "zero-data"
    assert version.stage is Stage.AWAITING_APPROVAL and version.evaluation["accuracy"]["value"] > 0.6
    told = "\n".join(lines_of(outcome))
    assert "warning: no person has labeled a text" in told and "unproven" in told
    golden = load_bundle(workplace.store, version.digest).golden.texts
    assert not set(golden) & {text for texts in banking.values() for text in texts}


def test_names_that_mean_something_else_are_stopped_by_the_gate(workplace, bare_task, recipe):
    bare_task([*LABELS[1:], LABELS[0]])
    assert train(workplace, recipe).version.stage is Stage.REJECTED


def test_names_that_are_no_words_end_the_run_with_that_reason(workplace, bare_task, recipe):
    bare_task(["1", "2", "3", "4"])
    with pytest.raises(NotTrainable, match="no words"):
        train(workplace, recipe)
    assert "--part train" in runs(workplace.engine)[0].outcome


def test_a_bank_that_is_too_small_ends_the_run_with_that_reason(workplace, bare_task, recipe):
    bare_task(n_traffic=5)
    with pytest.raises(NotTrainable, match="50 are needed"):
        train(workplace, recipe)
