"""A view is kept where it still means its class, and is learned from where held-out labels say that it helps."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.augmentation.wordnet import write_wordnet
from tests.trainer.conftest import LABELS
from tests.trainer.test_in_domain import N_CLASSES, accuracy, unit, world
from tests.trainer.test_runs import train
from trainer.augmentation.augment import strong_views, views_of
from trainer.augmentation.for_run import of_label_names
from trainer.augmentation.polarity import is_reversed
from trainer.augmentation.preservation import judged
from trainer.augmentation.recipe import AugmentationRecipe
from trainer.augmentation.synonyms import wordnet_at_hand
from trainer.learning.advised import Advice
from trainer.learning.augmented import learn_with_views
from trainer.learning.consistency import ConsistencyRecipe, learn_consistent
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.learn import learn
from trainer.learning.students import students_of
from trainer.recipe import HeadRecipe, InDomainRecipe


@pytest.mark.parametrize(("text", "view"), [
    ("재미있네", "재미없네"), ("비 오면 알려줘", "비 안 오면 알려줘"), ("이 영화 좋다", "이 영화 싫다"),
    ("불 켜줘", "불 꺼줘"),
    ("가지 마세요", "가세요"), ("보내지 말아줘", "보내줘"), ("I don't like it", "I like it"),
    ("open an account", "close an account"),
    ("it never came", "it came"), ("I love this film", "I hate this film"), ("카드를 못 찾겠어", "카드를 찾겠어")])
def test_a_reversal_is_refused(text, view):
    assert is_reversed(text, view) and is_reversed(view, text)


@pytest.mark.parametrize(("text", "view"), [
    ("정말 재미있네요", "정말 재밌네요"), ("안녕하세요 문의드려요", "문의드려요 안녕하세요"),
    ("turn on the light", "turn the light on"), ("그게 아니라 카드요", "카드요"),
    ("학교 아니면 회사?", "회사인가요 학교인가요"), ("메일이 어디 있었어?", "메일이 어디 있었는지 말해줘"),
    ("I didn't get it", "I did not get it"),
    ("where is my card", "my card where is")])
def test_a_harmless_rewording_is_no_reversal(text, view):
    assert not is_reversed(text, view)


def test_wordnets_antonyms_are_reversals_too(tmp_path, monkeypatch):
    import nltk

    write_wordnet(tmp_path)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    assert is_reversed("a sluggish slow card", "a sluggish quick card", wordnet_at_hand())
    assert not is_reversed("a rapid card", "a quick card", wordnet_at_hand())


def test_a_view_that_the_student_takes_for_another_class_or_half_doubts_is_dropped():
    of_text = np.array([[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.3, 0.7]])
    of_view = np.array([[0.7, 0.3], [0.45, 0.55], [0.8, 0.2], [0.1, 0.9]])

    found = judged(["a"] * 4, ["b", "b", "not b", "b"], np.zeros(4, np.int64), of_text, of_view, min_share=0.5)

    assert found.is_kept.tolist() == [True, False, False, False]
    assert found.is_reversed.tolist() == [False, False, True, False]
    assert found.is_doubted.tolist() == [False, True, False, True]


def test_a_student_never_saw_the_label_that_it_judges():
    labeled = world(6, seed=3)
    wrong = replace(labeled, classes=labeled.classes.copy())
    wrong.classes[0] = (wrong.classes[0] + 1) % N_CLASSES       # a mislabeled text is not recited by who did not see it
    row = np.array([0])
    held_out = students_of(wrong, HeadRecipe(), 0).probs(row, labeled.vectors[row])[0]
    honest = students_of(labeled, HeadRecipe(), 0).probs(row, labeled.vectors[row])[0]
    assert held_out[wrong.classes[0]] < 0.5 and honest.argmax() == labeled.classes[0]


def test_one_label_per_class_is_judged_by_all_labels_together():
    labeled = world(1, seed=3)
    students = students_of(labeled, HeadRecipe(), 0)
    rows = np.arange(len(labeled))
    assert (students.probs(rows, labeled.vectors).argmax(1) == labeled.classes).all()


class Shaken:
    """Views of texts `t<row>` that a test made up: near to their text, or in the middle of another class."""

    name = "shaken"

    def views(self, texts, n, seed, report=lambda _done: None):
        return [[f"{text} near {number}" for number in range(n - 1)] + [f"{text} far"] for text in texts]


def shaken(labeled, **changes):
    def embed(texts):
        rows = [int(text.split()[0][1:]) for text in texts]
        centers = np.stack([labeled.vectors[labeled.classes == each].mean(0) for each in range(N_CLASSES)])
        noise = np.random.default_rng(0).standard_normal((len(texts), labeled.vectors.shape[1]))
        near = labeled.vectors[rows] + 0.05 * noise
        far = centers[(labeled.classes[rows] + 1) % N_CLASSES]
        return unit(np.where(np.array([text.endswith("far") for text in texts])[:, None], far, near))

    texts = [f"t{row}" for row in range(len(labeled))]
    return views_of(texts, labeled, [Shaken()], embed, None, AugmentationRecipe(**changes), HeadRecipe(), 0)


def test_views_that_left_their_class_are_dropped_and_counted():
    labeled = world(8, seed=3)
    found = shaken(labeled)
    is_far = np.array([text.endswith("far") for text in found.texts])

    assert found.judged.is_kept[~is_far].mean() > 0.9 and found.judged.is_kept[is_far].mean() < 0.1
    told = found.facts()["shaken"]
    assert told["made"] == 4 * len(labeled) and told["kept"] == found.judged.is_kept.sum() < told["made"]


def test_the_views_of_a_text_count_as_much_as_the_recipe_says_and_carry_their_origin():
    labeled = world(4, seed=3)
    given = shaken(labeled).advice(labeled, weight=0.5)

    total = np.zeros(len(labeled))
    for origin, trust in zip(given.origins, given.trust, strict=True):
        total[next(iter(origin))] += trust
    assert total[total > 0] == pytest.approx(0.5) and given.made_of(np.arange(3)).trust[-1] == 0


def test_no_more_texts_get_views_than_the_recipe_says():
    found = shaken(world(4, seed=3), max_texts=5)
    assert len(np.unique(found.rows)) == 5


def more(n_per_class, seed, shift=0):
    """Views of nothing: texts of the classes, right or wrong."""
    texts = world(n_per_class, seed)
    soft = np.eye(N_CLASSES, dtype=np.float32)[(texts.classes + shift) % N_CLASSES]
    return Advice(texts.vectors, soft, np.ones(len(texts), np.float32), (frozenset(),) * len(texts))


def test_views_compete_for_the_bank_and_only_good_ones_are_learned_from():
    def learned(views):
        return learn(world(3, 3), Unlabeled(world(7, 5).vectors), None, HeadRecipe(), InDomainRecipe(), 3, None, views)

    good, bad, test = learned(more(30, 7)), learned(more(30, 7, shift=1)), world(100, 9)
    assert good.choice.arm == "augmented" and good.head is good.augmented
    assert accuracy(good.head, test) > accuracy(good.in_domain, test) + 0.02
    assert bad.choice.arm != "augmented" and "not shown to help" in bad.choice.reason
    assert bad.choice.evidence["views"]["losses"] > bad.choice.evidence["views"]["wins"]


def test_advice_competes_against_what_the_views_already_won():
    bank = Unlabeled(world(7, 5).vectors)
    found = learn(world(3, 3), bank, None, HeadRecipe(), InDomainRecipe(), 3, more(30, 8, shift=1), more(30, 7))
    assert found.choice.arm == "augmented" and {"views", "advice"} <= set(found.choice.evidence)


def test_a_head_learns_from_views_without_a_bank():
    labeled, test = world(2, seed=3), world(100, seed=9)
    assert accuracy(learn_with_views(labeled, more(10, 7), HeadRecipe(), 0), test) > 0.05 + accuracy(
        learn(labeled, None, None, HeadRecipe(), InDomainRecipe(), 0).head, test)


def test_a_run_records_what_became_of_its_views(workplace, task, recipe):
    asked = replace(recipe, augmentation=AugmentationRecipe(providers=("eda", "paraphrase"), n_views=2))

    told = train(workplace, asked).version.evaluation["learning"]["evidence"]["augmentation"]

    assert set(told) == {"eda"}                       # no language model is set: nobody paraphrases
    assert 40 < told["eda"]["made"] <= 80 and told["eda"]["kept"] < told["eda"]["made"]
    assert len(LABELS) == 4


def test_templates_of_label_names_count_as_texts_of_their_class_where_they_lie_near_their_name():
    def embed(texts):
        is_near = ["refund" in text and "question" not in text for text in texts]
        return np.array([[1, 0] if near else [0, 1] for near in is_near], np.float32)

    found = of_label_names(["refund", "card_lost"], embed, AugmentationRecipe(n_views=2, weight=0.5))
    assert found.soft_labels.tolist() == [[1, 0], [0, 1], [0, 1]]       # "a question about refund" left its name
    assert found.trust.tolist() == [0.5, 0.25, 0.25] and not any(found.origins)


def test_labeled_vectors_without_a_view_give_no_advice():
    labeled = Labeled(world(2, 3).vectors[:0], np.zeros(0, np.int64), N_CLASSES)
    found = views_of([], labeled, [Shaken()], lambda _texts: labeled.vectors, None, AugmentationRecipe(),
                     HeadRecipe(), 0)
    assert found.advice(labeled, 1.0) is None and found.facts() == {}


def test_strong_views_keep_the_guess_and_a_text_stands_for_itself_where_none_does():
    texts, vectors = ["a b", "c d"], np.eye(2, dtype=np.float32)

    class Turned:
        name = "turned"

        def views(self, texts, n, seed, report=lambda _done: None):
            return [["near a"], ["near a", "not c d"]]

    def embed(views):
        return np.array([[0.9, 0.1] if "a" in view else [0.1, 0.9] for view in views], np.float32)

    found = strong_views(texts, vectors, Turned(), 2, lambda given: given, embed, None, 0.5, seed=0)

    assert found.shape == (2, 2, 2) and found[0, 0] == pytest.approx([0.9, 0.1])
    assert (found[0, 1] == vectors[0]).all() and (found[1] == vectors[1]).all()


def test_consistency_with_edits_learns_from_them():
    bank, labeled, test = world(60, 5).vectors, world(4, 3), world(100, 9)
    edits = np.stack([bank, bank], axis=1)
    plain = ConsistencyRecipe(n_steps=150)
    with_edits = learn_consistent(labeled, bank, plain, 0, edits)
    answers = (test.vectors @ with_edits[:, :-1].T + with_edits[:, -1]).argmax(1)
    assert (answers == test.classes).mean() > 0.6
    assert not np.allclose(with_edits, learn_consistent(labeled, bank, plain, 0))
