"""What a language model adds: written, imported and labeled texts, filtered, with trust, provenance and costs."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.text import text_hash
from tests.trainer.language_model.clerk import KNOWN, LABELS, Clerk
from trainer.errors import RecipeError
from trainer.language_model.at_hand import AtHand, LanguageModel, Student
from trainer.language_model.backend import LanguageModelError
from trainer.language_model.budget import Budget, Meter
from trainer.language_model.examples import Examples
from trainer.language_model.filters import apart, balanced, first_of_kind, may_overrule
from trainer.language_model.generation import generate
from trainer.language_model.hypermix import candidates_of, mix
from trainer.language_model.imported import import_generations, seeds_of
from trainer.language_model.materials import lm_materials
from trainer.language_model.prompts.library import prompts_for
from trainer.language_model.prompts.spec import packaged_specs
from trainer.language_model.recipe import LanguageModelRecipe
from trainer.language_model.recorded import Recorded

PROMPTS = prompts_for(packaged_specs(), "en")
HUMAN = Examples([f"{start} {word} today" for start in ("tell me of", "what about") for words in KNOWN.values()
                  for word in words], np.array([label for _ in range(2) for label, words in enumerate(KNOWN.values())
                                                for _ in words]))
TRAFFIC = [f"{start} {word} {end}" for start in ("is my", "where is the", "could you check", "they said it was")
           for word in sum(KNOWN.values(), ()) for end in ("since monday morning", "in another country")]
RECIPE = LanguageModelRecipe(n_orders=1, is_calibrated=False, mixed_per_label=4, generated_per_label=5, n_labeled=20)
NONE = Examples([], np.zeros(0, np.int64))


@pytest.fixture
def model(server, connect, tmp_path):
    """A language model over HTTP with a record, as a run has it."""

    def run(clerk=None, budget=None, replays=False):
        clerk, meter = clerk or Clerk(), Meter(budget)
        server.write, server.rate = clerk.write, clerk.rate
        backend = None if replays else connect(meter=meter)
        return LanguageModel(Recorded(tmp_path / "tiny.jsonl", "tiny", meter, backend), PROMPTS, meter)

    return run


def at_hand(**changes):
    return AtHand(**({"labels": LABELS, "human": HUMAN, "traffic": TRAFFIC} | changes))


def said_by(text):
    return LABELS.index(Clerk().label(text))


def test_mixed_generated_and_labeled_texts_come_with_right_labels_trust_and_provenance(model):
    found = lm_materials(model(), at_hand(), RECIPE, seed=1)
    n = len(found.texts)
    assert n == len(found.provenance) and found.soft_labels.shape == (n, 3) and found.trust.shape == (n,)
    assert found.soft_labels.dtype == found.trust.dtype == np.float32
    assert found.soft_labels.sum(1) == pytest.approx(np.ones(n), abs=1e-5)
    assert {each["source"] for each in found.provenance} == {"mix", "generate", "traffic"}
    assert [said_by(text) for text in found.texts] == found.soft_labels.argmax(1).tolist()
    assert found.trust.min() > 0.7 and found.facts["trust"]["accuracy"] == 1.0
    mixed = next(each for each in found.provenance if each["source"] == "mix")
    assert mixed["generator"] == "tiny" and mixed["prompt"] == "mix-en"
    assert set(mixed["origin"]) <= {text_hash(text) for text in HUMAN.texts}


def test_the_same_run_twice_costs_one_and_a_replay_gives_the_same_materials(server, model):
    first = lm_materials(model(), at_hand(), RECIPE, seed=1)
    n_requests = len(server.requests)
    assert first.costs.n_calls == n_requests and first.costs.n_tokens > 0
    again = lm_materials(model(replays=True), at_hand(), RECIPE, seed=1)
    assert len(server.requests) == n_requests and again.costs.n_calls == 0 < again.costs.n_replayed
    assert again.texts == first.texts and (again.soft_labels == first.soft_labels).all()
    assert lm_materials(model(), at_hand(), RECIPE, seed=2).texts != first.texts


def test_label_names_alone_are_enough_to_start(model):
    found = lm_materials(model(), at_hand(human=NONE, traffic=[]), RECIPE, seed=1)
    assert {each["source"] for each in found.provenance} == {"generate"} and len(found.texts) >= 10
    assert [said_by(text) for text in found.texts] == found.soft_labels.argmax(1).tolist()
    assert set(found.trust.tolist()) == {0.5}         # nothing human confirms it


def test_generation_asks_for_every_label(model):
    found = generate(model().backend, PROMPTS.generate, LABELS, NONE, RECIPE, seed=1)
    assert np.bincount([each.probs.argmax() for each in found]).tolist() == [5, 5, 5]


def test_unlabeled_texts_are_written_for_learning_without_labels(model):
    recipe = LanguageModelRecipe(mixed_per_label=0, generated_per_label=0, n_labeled=0, n_unlabeled=8,
                                 is_calibrated=False, n_orders=1)
    found = lm_materials(model(), at_hand(), recipe, seed=1)
    assert found.texts == [] and found.soft_labels.shape == (0, 3) and 4 <= len(found.unlabeled) <= 8


def test_a_mixed_text_gets_the_probability_of_whole_label_words(model):
    for each in mix(model().backend, PROMPTS.mix, LABELS, HUMAN, 8, RECIPE, seed=1):
        assert each.probs.argmax() == said_by(each.text) and each.probs.sum() == pytest.approx(1)
        assert 0 < each.probs.min() < 0.2


def test_in_a_large_label_space_a_mix_is_one_of_its_examples_labels():
    examples = HUMAN.draw(4, "1")
    assert candidates_of(77, examples, 20) == sorted({example.number for example in examples})
    assert candidates_of(3, examples, 20) == [0, 1, 2]


def test_nothing_near_the_gate_set_is_learned_from(model):
    free = lm_materials(model(), at_hand(), RECIPE, seed=1)
    gate = [free.texts[0].upper() + "!", free.texts[-1]]
    guarded = lm_materials(model(), at_hand(gate_texts=gate), RECIPE, seed=1)
    assert not {free.texts[0], free.texts[-1]} & set(guarded.texts)


def test_a_model_that_human_labels_refute_teaches_nothing(model):
    found = lm_materials(model(Clerk(is_wrong=True)), at_hand(), RECIPE, seed=1)
    assert found.facts["trust"]["accuracy"] == 0.0 and found.facts["agreement"] == 1.0
    assert found.texts == [] and found.facts["dropped"]["low trust"] > 10


def student(accuracy):
    """A student that is right at `accuracy` on human labels and says the first label of everything else."""
    is_right = np.arange(len(HUMAN)) < accuracy * len(HUMAN)
    said = np.where(is_right, HUMAN.classes, (HUMAN.classes + 1) % 3)
    return Student(lambda texts: np.eye(3)[np.zeros(len(texts), int)], np.eye(3)[said])


def test_a_student_is_overruled_only_where_the_model_measurably_beats_it(model):
    weak = lm_materials(model(), at_hand(student=student(0.3)), RECIPE, seed=1)
    assert len(set(weak.soft_labels.argmax(1))) == 3
    strong = lm_materials(model(), at_hand(student=student(1.0)), RECIPE, seed=1)
    assert set(strong.soft_labels.argmax(1)) == {0} and strong.facts["dropped"]["contradicts the student"] > 5


def test_a_spent_budget_ends_the_asking_and_keeps_what_was_answered(model):
    found = lm_materials(model(budget=Budget(max_calls=60)), at_hand(), RECIPE, seed=1)
    assert found.costs.n_calls == 60 and found.costs.n_refused > 0 and len(found.texts) > 3


def test_without_a_model_imported_texts_keep_their_labels_unproven(tmp_path):
    rows = [{"text": f"text number {number} of its kind {number * 7}", "label": LABELS[number % 3], "split": "train",
             "task": "cards", "generator": "gpt-x", "seed_key": f"s{number // 4}"} for number in range(12)]
    rows.append(rows[0] | {"text": "of another label", "label": "other"})
    rows.append(rows[0] | {"text": "of another task", "task": "else"})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "written.parquet")
    file = tmp_path / "written.parquet"
    assert seeds_of(file, "cards") == ["s0", "s1", "s2"]
    imported = import_generations(file, LABELS, task="cards", held_out_seeds={"s1"})
    assert [each.origin for each in imported] == [("s0",)] * 4 + [("s2",)] * 4
    recipe = LanguageModelRecipe(max_similarity=1.0)
    found = lm_materials(None, at_hand(imported=imported), recipe, seed=1)
    assert len(found.texts) == 8 and set(found.trust.tolist()) == {0.5} and found.costs.n_calls == 0
    assert found.provenance[0] == {"source": "imported", "generator": "gpt-x", "prompt": "written.parquet",
                                   "origin": ("s0",)}
    assert (found.soft_labels.argmax(1) == [0, 1, 2, 0, 2, 0, 1, 2]).all()


def test_a_file_that_cannot_be_imported_is_named(tmp_path):
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(LanguageModelError, match="cannot be read as Parquet"):
        import_generations(tmp_path / "x.parquet", LABELS)
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "y.parquet")
    with pytest.raises(LanguageModelError, match="no column 'label'"):
        import_generations(tmp_path / "y.parquet", LABELS)


def test_near_duplicates_keep_the_first_and_chains_do_not_eat_each_other():
    texts = ["how do I get a refund", "How do I get a refund?", "my card never arrived", "how do I get a refund!!", ""]
    assert first_of_kind(texts, 0.8).tolist() == [True, False, True, False, True]
    many = [f"text {number % 500} of kind {number % 500}" for number in range(1500)]
    assert first_of_kind(many, 0.999).sum() == 500
    assert apart(texts, ["My card never arrived"], 0.8).tolist() == [True, True, False, True, True]


def test_a_crowded_class_keeps_its_most_trusted():
    classes, trust = np.array([0] * 10 + [1] * 2 + [2] * 2), np.linspace(0, 1, 14)
    kept = balanced(classes, trust, 3.0)
    assert kept.tolist() == [False] * 4 + [True] * 10


def test_overruling_takes_more_than_luck():
    better = np.array([True] * 8 + [False] * 2)
    assert may_overrule(better, np.array([False] * 8 + [True] * 2)) and not may_overrule(better, better)
    assert not may_overrule(np.array([True, True]), np.array([False, False]))


@pytest.mark.parametrize(("key", "value"), [("answers", "guess"), ("language", "fr"), ("n_orders", 0),
                                            ("min_trust", 1.5), ("temperature", -1.0), ("max_imbalance", 0.5)])
def test_a_recipe_out_of_range_names_its_key(key, value):
    with pytest.raises(RecipeError, match=f"language_model.{key}"):
        LanguageModelRecipe(**{key: value})


def test_progress_only_grows(model):
    heard = []
    lm_materials(model(), at_hand(), RECIPE, seed=1, report=heard.append)
    assert heard[-1] == 1.0 and all(one <= two for one, two in pairwise(heard))
