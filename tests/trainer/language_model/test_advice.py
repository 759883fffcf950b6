"""A language model's advice is taken where held-out human labels say it helps, and never about itself."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.text import normalize, text_hash
from tests.trainer.conftest import LABELS, fill
from tests.trainer.language_model.clerk import Clerk
from tests.trainer.test_in_domain import N_CLASSES, accuracy, world
from tests.trainer.test_runs import train
from tests.trainer.test_selection import banked
from trainer.advice import advice_of, student_of
from trainer.language_model.at_hand import LanguageModel
from trainer.language_model.backend import LanguageModelError
from trainer.language_model.budget import Meter
from trainer.language_model.examples import Examples
from trainer.language_model.imported import import_generations
from trainer.language_model.materials import LmMaterials
from trainer.language_model.prompts.library import prompts_for
from trainer.language_model.prompts.spec import packaged_specs
from trainer.learning.advised import Advice
from trainer.learning.embedded import Unlabeled
from trainer.learning.learn import learn
from trainer.recipe import HeadRecipe, InDomainRecipe


def advice(n_per_class, seed, trust=0.9, shift=0):
    """Texts like those of the task with a label each, wrong by `shift` classes."""
    texts = world(n_per_class, seed)
    soft = np.full((len(texts), N_CLASSES), 0.1 / (N_CLASSES - 1), np.float32)
    soft[np.arange(len(texts)), (texts.classes + shift) % N_CLASSES] = 0.9
    return Advice(texts.vectors, soft, np.full(len(texts), trust, np.float32), (frozenset(),) * len(texts))


def learned(given, n_per_class=3):
    bank = Unlabeled(world(7, seed=5).vectors)
    return learn(world(n_per_class, 3), bank, None, HeadRecipe(), InDomainRecipe(), 3, given)


def test_good_advice_is_worth_labels_and_is_taken():
    test, found = world(100, seed=9), learned(advice(30, seed=7))

    assert found.choice.arm == "advised" and found.head is found.advised
    assert accuracy(found.head, test) > accuracy(found.in_domain, test) + 0.02


def test_wrong_advice_is_left_out_and_the_record_says_why():
    found = learned(advice(30, seed=7, shift=1))

    assert found.choice.arm != "advised" and found.head is not found.advised
    assert "advice is not shown to help" in found.choice.reason
    assert found.choice.evidence["advice"]["losses"] > found.choice.evidence["advice"]["wins"]


def test_advice_that_nobody_trusts_changes_no_seed_of_the_graph():
    silent = advice(5, seed=7, trust=0.0)

    assert not silent.weights().any()


def test_advice_made_of_a_held_out_label_is_not_trusted_while_it_is_held_out():
    given = advice(1, seed=7)
    of_rows = Advice(given.vectors, given.soft_labels, given.trust, (frozenset({0}), frozenset({5}),
                                                                     *[frozenset()] * (len(given) - 2)))

    kept = of_rows.made_of(np.array([0, 1, 2]))

    assert kept.trust[0] > 0 and kept.trust[1] == 0 and (kept.trust[2:] > 0).all()


@pytest.fixture
def clerk_at_work(server, connect, workplace):
    """The workplace with a language model of rules behind HTTP."""
    clerk = Clerk()
    server.write, server.rate = clerk.write, clerk.rate
    meter = Meter()

    def opened(_task, recipe):
        return LanguageModel(connect(meter), prompts_for(packaged_specs(), recipe.language), meter)

    return replace(workplace, open_language_model=opened)


def test_a_run_records_what_the_language_model_said_and_cost(clerk_at_work, task, recipe, banking):
    banked(clerk_at_work, task, [text for texts in banking.values() for text in texts[30:45]])
    told = train(clerk_at_work, recipe).version.evaluation["learning"]["evidence"]

    assert told["language_model"]["n_written"] > len(LABELS)
    assert told["language_model"]["costs"]["n_calls"] > 20 and told["language_model"]["model"]
    assert "advice" in told


def test_a_run_without_a_language_model_asks_nobody(workplace, task, recipe):
    assert "language_model" not in train(workplace, recipe).version.evaluation["learning"]["evidence"]


def test_a_student_that_labels_cannot_hold_out_contradicts_nobody(recipe):
    texts = world(10, seed=3)
    alone = world(1, seed=3)

    known = student_of(texts, None, recipe)

    assert known is not None and (known.human_probs.argmax(1) == texts.classes).mean() > 0.5
    assert student_of(texts.take(np.arange(20)), None, recipe) is None and student_of(alone, None, recipe) is None


def test_written_texts_without_a_label_are_more_of_the_bank_and_nothing_else():
    class Lengths:
        def embed(self, texts):
            return np.array([[len(text), 1] for text in texts], np.float32)

    found = LmMaterials(["labeled"], np.array([[0.9, 0.1]], np.float32), np.array([0.8], np.float32),
                        [{"origin": ()}], ["bare", "more"])
    given = advice_of(found, Lengths(), Examples([], np.zeros(0, np.int64)))

    assert len(given) == 3 and given.vectors[:, 0].tolist() == [7, 4, 4]
    assert given.trust.tolist() == pytest.approx([0.8, 0, 0]) and not given.weights()[1:].any()
    nothing = LmMaterials([], np.zeros((0, 2), np.float32), np.zeros(0, np.float32), [], [])
    assert advice_of(nothing, Lengths(), Examples([], np.zeros(0, np.int64))) is None


def test_texts_written_elsewhere_and_sentences_near_names_advise_a_run_without_a_model(workplace, task, recipe, banking,
                                                                                      tmp_path):
    banked(workplace, task, [text for texts in banking.values() for text in texts[30:70]])
    written = [{"text": f"{text} thanks a lot", "label": label, "seed_text": texts[0]}
               for label, texts in banking.items() for text in texts[70:75]]
    pq.write_table(pa.Table.from_pylist(written), tmp_path / "written.parquet")
    asked = replace(recipe, language_model=replace(
        recipe.language_model, imported=(str(tmp_path / "written.parquet"),), may_use_sentences=True,
        descriptions=("card_arrival: my card has not come yet",), n_labeled=40))

    told = train(workplace, asked).version.evaluation["learning"]["evidence"]

    assert told["language_model"]["n_imported"] == 20 and told["language_model"]["n_labeled"] == 40
    assert told["language_model"]["costs"]["n_calls"] == 0 and "advice" in told


def test_what_was_written_of_a_labeled_text_is_held_back_with_it(tmp_path):
    pq.write_table(pa.Table.from_pylist([{"text": "a", "label": "x", "seed_text": "my card"}]), tmp_path / "w.parquet")
    (written,) = import_generations(tmp_path / "w.parquet", ["x", "y"])
    assert written.origin == (text_hash(normalize("my card")),)


def test_a_file_of_written_texts_that_is_not_there_ends_the_run_with_one_line(workplace, task, recipe):
    asked = replace(recipe, language_model=replace(recipe.language_model, imported=("absent.parquet",)))
    with pytest.raises(LanguageModelError, match=r"absent\.parquet cannot be read"):
        train(workplace, asked)


def test_a_start_without_labels_and_with_little_traffic_takes_what_the_language_model_writes(clerk_at_work, banking,
                                                                                            recipe):
    fill(clerk_at_work.engine, banking, n_train=0)
    banked(clerk_at_work, "intent", [text for texts in banking.values() for text in texts[30:33]])
    asked = replace(recipe, language_model=replace(recipe.language_model, generated_per_label=20, n_orders=1))

    version = train(clerk_at_work, asked).version

    learning = version.evaluation["learning"]
    assert learning["arm"] == "zero-data" and "texts of advice" in learning["reason"]
    assert learning["evidence"]["language_model"]["n_written"] > 50 and version.n_labels == 0
