"""A task without traffic of its own learns from the foreign texts that are near to it, and only from those."""

from dataclasses import replace

import numpy as np
import pytest

from registry.database import write
from registry.tasks import create_task
from tests.ingest.conftest import make_rows
from tests.trainer.test_in_domain import N_CLASSES, D, accuracy, unit, world
from tests.trainer.test_runs import train
from trainer.errors import RecipeError
from trainer.learning.embedded import Unlabeled
from trainer.learning.learn import learn
from trainer.learning.selection import select
from trainer.materials import gather
from trainer.recipe import HeadRecipe, InDomainRecipe, OutOfDomainRecipe, recipe_of


def foreign_world(n, seed):
    """Texts of something else: other centers than those of the task."""
    generator = np.random.default_rng(77)
    centers = generator.standard_normal((20, D))
    noise = np.random.default_rng(seed)
    return unit(centers[noise.integers(0, 20, n)] + 0.4 * noise.standard_normal((n, D)))


@pytest.mark.parametrize("method", ["retrieval", "classifier"])
def test_most_of_what_is_selected_belongs_to_the_task(method):
    own, others = world(50, seed=5).vectors, foreign_world(4_000, seed=6)

    selected = select(world(3, seed=3), None, np.concatenate([others, own]),
                      OutOfDomainRecipe(method=method, max_texts=len(own)), seed=0)

    assert (selected.rows >= len(others)).mean() > 0.7
    assert np.all(np.diff(selected.scores) <= 0) and len(set(selected.rows)) == len(own)


def test_selected_foreign_texts_teach_like_traffic():
    pool = np.concatenate([foreign_world(2_000, seed=6), world(100, seed=5).vectors])
    labeled, test = world(3, seed=3), world(100, seed=9)
    rows = select(labeled, None, pool, OutOfDomainRecipe(max_texts=100 * N_CLASSES), seed=0).rows

    found = learn(labeled, Unlabeled(pool[rows]), None, HeadRecipe(), InDomainRecipe(), 3)

    assert accuracy(found.head, test) > accuracy(found.labels_only, test)


def test_how_many_are_selected_is_told_by_how_near_labels_are_to_one_another():
    own, others = world(150, seed=5).vectors, foreign_world(4_000, seed=6)
    labeled = world(5, seed=3)
    some = select(labeled, None, np.concatenate([others, own]), OutOfDomainRecipe(), seed=0)
    assert 0.6 * len(own) < len(some.rows) < 1.4 * len(own)
    assert len(select(labeled, None, own, OutOfDomainRecipe(), seed=0).rows) > 0.6 * len(own)


def test_where_hardly_anything_is_near_nothing_is_selected():
    rows = select(world(5, seed=3), None, foreign_world(2_000, seed=6), OutOfDomainRecipe(), seed=0).rows
    assert len(rows) == 0


def test_foreign_texts_have_to_be_shown_to_help():
    foreign, selected = OutOfDomainRecipe(), Unlabeled(world(100, seed=5).vectors)

    def chosen(in_domain):
        return learn(world(1, seed=3), selected, None, HeadRecipe(), in_domain, 3).choice.arm

    assert chosen(InDomainRecipe()) == "in-domain"
    assert chosen(foreign.taught_with(InDomainRecipe())) == "labels-only"
    assert chosen(foreign.taught_with(InDomainRecipe(use="always"))) == "in-domain"


def banked(workplace, task, texts):
    """Bank texts of a task as ingest does."""
    workplace.bank.append(make_rows(texts, task=task), {("texts", 0 if task == "intent" else 1): len(texts)})


@pytest.fixture
def support(workplace):
    """Another task of the same registry."""
    with write(workplace.engine) as session:
        create_task(session, "support", ["good", "bad"], actor="ann", now=workplace.now())


def test_a_task_with_little_traffic_takes_texts_of_others_but_none_of_its_labels(
        workplace, task, support, banking, recipe):
    own = banking["exchange_rate"][30:33]
    banked(workplace, task, own)
    banked(workplace, "support", [*banking["card_arrival"][:40], "a text of support"])

    materials = gather(workplace, task, recipe)

    labeled = set(materials.train.texts) | set(materials.gate.texts)
    assert sorted(materials.traffic) == sorted(own)
    assert "a text of support" in materials.foreign and not labeled & set(materials.foreign)


def test_a_task_with_traffic_of_its_own_leaves_foreign_texts_alone(workplace, task, support, banking):
    banked(workplace, task, banking["exchange_rate"][30:33])
    banked(workplace, "support", ["a text of support"])
    enough = recipe_of({"encoder": "minilm", "out_of_domain": {"enough": 3}})

    assert gather(workplace, task, enough).foreign == []


def test_a_run_learns_from_foreign_texts_and_says_so(workplace, task, support, banking, recipe):
    banked(workplace, "support", [text for texts in banking.values() for text in texts[30:60]])

    few_will_do = replace(recipe, out_of_domain=OutOfDomainRecipe(min_texts=30))
    learning = train(workplace, few_will_do).version.evaluation["learning"]

    assert learning["evidence"]["foreign"]["pool"] == 120
    assert learning["evidence"]["foreign"]["selected"] >= 30
    assert learning["arm"] in ("in-domain", "labels-only") and "held out" in learning["reason"]


def test_an_unknown_way_to_select_is_refused_by_its_key():
    with pytest.raises(RecipeError, match=r"out_of_domain\.method"):
        OutOfDomainRecipe(method="magic")
