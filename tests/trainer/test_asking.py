"""Asking: what is chosen, what is not asked twice, and a random share that stays a fair sample."""

import numpy as np
import pytest

from trainer.asking.asking import RANDOM, ask
from trainer.asking.recipe import WAYS, AskingRecipe
from trainer.asking.ways import chosen


@pytest.fixture
def clouds():
    """Three clouds of 40 texts around three axes, and a head that is unsure of the third."""
    generator = np.random.default_rng(0)
    vectors = np.repeat(np.eye(3, 16), 40, axis=0) + generator.normal(0, 0.08, (120, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    probs = np.repeat([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.1, 0.44, 0.46]], 40, axis=0)
    return vectors, probs


def test_coverage_asks_once_in_each_cloud_that_has_no_label(clouds):
    vectors, probs = clouds
    rows = chosen("coverage", vectors, probs, vectors[:2], 2, 0.9, 0)
    assert sorted(rows // 40) == [1, 2]


def test_uncertainty_and_mix_ask_where_the_head_is_unsure(clouds):
    vectors, probs = clouds
    for way in ("uncertainty", "mix"):
        assert chosen(way, vectors, probs, vectors[:0], 1, 0.9, 0)[0] // 40 == 2


def test_a_text_and_its_near_copies_are_one_question(clouds):
    vectors, probs = clouds
    copies = np.concatenate([np.repeat(vectors[100:101], 10, axis=0), vectors[80:90]])
    unsure = np.concatenate([np.repeat([[0.3, 0.35, 0.35]], 10, axis=0), probs[80:90]])
    rows = chosen("uncertainty", copies, unsure, vectors[:0], 4, 0.999, 0)
    assert (rows < 10).sum() == 1


@pytest.mark.parametrize("way", WAYS)
def test_no_text_is_asked_twice_and_the_random_share_is_marked(clouds, way):
    vectors, probs = clouds
    found = ask(vectors, probs, vectors[:3], 50, AskingRecipe(way=way, random_share=0.2), 0)
    assert len({row for row, _ in found}) == 50
    assert sum(how == RANDOM for _, how in found) == (50 if way == "random" else 10)


def test_the_random_share_tells_the_shares_of_the_classes(clouds):
    vectors, probs = clouds
    drawn = [row // 40 for seed in range(60) for row, how in ask(vectors, probs, vectors[:0], 20, AskingRecipe(), seed)
             if how == RANDOM]
    assert np.abs(np.bincount(drawn, minlength=3) / len(drawn) - 1 / 3).max() < 0.1


def test_asking_for_more_than_there_is_gives_all(clouds):
    vectors, probs = clouds
    assert len(ask(vectors, probs, vectors[:0], 500, AskingRecipe(), 0)) == 120
