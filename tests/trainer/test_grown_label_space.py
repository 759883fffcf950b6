"""A grown label space goes through the gate: the classes there were may not pay for the new one."""

from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

import pytest

from registry.artifacts.bundle import load_bundle
from registry.database import write
from registry.labels import import_labels
from registry.lifecycle.promotion import approve, promote
from registry.tables import Part, Stage
from registry.tasks import extend_label_space
from tests.trainer.conftest import LABELS
from trainer.run import run_once


@pytest.fixture
def grow(workplace, task, recipe):
    """Train and promote v1, add a class with these train labels, and return what v2 is."""
    recipe = replace(recipe, gate=replace(recipe.gate, margin=0.1))         # 60 gate labels tell no smaller one

    def run(texts):
        now = datetime.now(UTC)
        train = {"reason": "test", "actor": "ann", "facts": {}, "stop": Event()}
        first = run_once(workplace, task, recipe, **train).version
        with write(workplace.engine) as session:
            approve(session, task, first.number, actor="ann", reason="good", now=now)
            promote(session, task, first.number, actor="ann", reason="good", now=now)
            extend_label_space(session, task, ["new_class"], actor="ann", reason="found", now=now)
            import_labels(session, task, [(text, "new_class") for text in texts], part=Part.TRAIN, actor="ann",
                          origin="discovered, confirmed by ann", now=now)
        return run_once(workplace, task, recipe, **train).version

    return run


def test_a_new_class_that_takes_its_texts_from_an_old_one_is_refused_by_the_old_ones_name(grow, banking):
    version = grow(banking[LABELS[0]][30:110])
    assert version.stage is Stage.REJECTED and version.label_space == 2
    assert any(reason.startswith("no class weakened: ") and LABELS[0] in reason for reason in version.gate["reasons"])


def test_a_class_of_its_own_passes_and_the_bundle_answers_it(grow, workplace):
    version = grow([f"what is the price of a bitcoin in {place}" for place in (
        "euros", "dollars", "pounds", "yen", "francs", "zloty", "crowns", "pesos", "rupees", "lira")])
    assert version.stage is Stage.AWAITING_APPROVAL, version.gate["reasons"]
    assert load_bundle(workplace.store, version.digest).labels == [*LABELS, "new_class"]
