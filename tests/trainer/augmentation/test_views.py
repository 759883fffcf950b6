"""Views of texts: what the edits do, where synonyms come from, and that a seed makes the same views again."""

import random

import nltk
import numpy as np
import pytest

from tests.trainer.augmentation.wordnet import write_wordnet
from trainer.augmentation.edits import Eda, deleted, swapped
from trainer.augmentation.synonyms import NearestWords, WordNet, synonyms_for, wordnet_at_hand
from trainer.augmentation.templates import Templates
from trainer.augmentation.views import distinct
from trainer.augmentation.words import frequent_words, joined, words_of
from trainer.errors import RecipeError
from trainer.recipe import recipe_of

TEXTS = ["My card has not arrived, where is it?", "카드가 아직 안 왔어요. 어디에 있나요?", "refund", ""]
VECTORS = {"card": [1, 0], "ticket": [0.9, 0.436], "카드가": [0, 1], "카드를": [0.1, 0.995]}


def embed(words):
    return np.array([VECTORS.get(word, [-1, 0]) for word in words], np.float32).reshape(len(words), 2)


def near():
    return NearestWords(embed, TEXTS, list(VECTORS), n=2, min_cosine=0.8)


def test_a_text_survives_being_taken_apart():
    for text in TEXTS:
        assert joined(words_of(text)) == text


def test_the_same_seed_makes_the_same_views_whatever_stands_beside_a_text():
    eda = Eda(near())
    together, alone = eda.views(TEXTS, 4, seed=1), eda.views(TEXTS[1:2], 4, seed=1)

    assert together[1] == alone[0] and together == eda.views(TEXTS, 4, seed=1)
    assert together[0] != eda.views(TEXTS, 4, seed=2)[0]


def test_views_differ_from_their_text_and_from_one_another_and_a_word_alone_has_few():
    for text, views in zip(TEXTS, Eda(near()).views(TEXTS, 4, seed=1), strict=True):
        assert len({view.casefold() for view in views} | {text.casefold()}) == len(views) + 1
    assert Eda(near()).views(["refund", ""], 4, seed=1) == [[], []]
    assert distinct(["a b", "A  b", "c", ""], "C", 4) == ["a b"]


def test_a_synonym_takes_the_dress_of_the_word_it_stands_for():
    (word,) = words_of("(Card),")
    changed = Eda(near()).replaced([word], 1, random.Random(0))
    assert joined(changed) == "(Ticket),"


def test_an_insertion_adds_synonyms_only():
    before = words_of("my card")
    after = Eda(near()).inserted(before, 2, random.Random(0))
    assert sorted(map(str, after)) == ["card", "my", "ticket", "ticket"]


@pytest.mark.parametrize("seed", range(5))
def test_a_swap_moves_words_and_a_deletion_drops_some_but_never_all(seed):
    words = words_of(TEXTS[0])
    assert sorted(word.core for word in swapped(words, 2, random.Random(seed))) == sorted(word.core for word in words)
    assert len(deleted(words, 3, random.Random(seed))) == len(words) - 3
    assert len(deleted(words, 99, random.Random(seed))) == 1
    assert deleted([], 1, random.Random(seed)) == []


def test_nearest_words_are_near_enough_and_never_the_word_itself():
    assert near().of("Card") == ["ticket"] and near().of("카드가") == ["카드를"]
    assert near().of("arrived") == [] and near().opposites("card") == frozenset()


def test_frequent_words_are_words_and_the_commonest_come_first():
    assert frequent_words(["the card, 12", "Card a", "the card!"], least=2, most=9) == ["card", "the"]


@pytest.fixture
def wordnet(tmp_path, monkeypatch):
    write_wordnet(tmp_path)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])


def test_wordnet_is_taken_where_it_is_at_hand_and_knows_the_words(wordnet):
    found = synonyms_for(["quick card", "slow money"], [], embed, n=2, min_cosine=0.8, max_words=9)

    assert isinstance(found, WordNet)
    assert found.of("card") == ["ticket"] and found.opposites("quick") == {"slow"} and found.of("unheard") == []


def test_words_that_wordnet_does_not_know_come_from_the_bank(wordnet):
    korean = ["카드가 왔어요", "카드를 받았어요"]
    found = synonyms_for(korean, korean, embed, n=2, min_cosine=0.8, max_words=9)
    assert isinstance(found, NearestWords) and found.of("카드를") == ["카드가"]


def test_without_its_data_there_is_no_wordnet(tmp_path, monkeypatch):
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    assert wordnet_at_hand() is None


def test_templates_speak_the_language_of_the_label():
    english, korean = Templates().views(["card arrival", "카드 {배송}"], 2, seed=0)
    assert english[0] == "this is about card arrival" and korean[0] == "카드 {배송}에 대한 글"


def test_a_recipe_names_providers_that_exist():
    asked = recipe_of({"augmentation": {"providers": ["eda", "paraphrase"], "n_views": 2}}).augmentation
    assert asked.providers == ("eda", "paraphrase")
    with pytest.raises(RecipeError, match="eda, back-translation, paraphrase, templates"):
        recipe_of({"augmentation": {"providers": ["edda"]}})
    with pytest.raises(RecipeError, match="n_views"):
        recipe_of({"augmentation": {"n_views": 0}})
