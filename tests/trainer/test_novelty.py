"""Novelty is the share of known texts that look less novel, in the graph as in numpy; the rate is kept."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from registry.artifacts.bundle import load_bundle
from serving.batcher import Answer
from serving.predictor import Predictor
from serving.protocol import rows
from serving.slot import Loaded
from tests.trainer.conftest import LABELS, TINY_SUBWORD
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.export.bundle import CPU, Lineage, export
from trainer.learning.embedded import Labeled
from trainer.learning.novelty import calibrated, learn_novelty
from trainer.learning.novelty_recipe import NoveltyRecipe
from trainer.learning.supervised import learn_supervised
from trainer.recipe import recipe_of


def clouds(n_classes, per_class, seed, centers_seed=0, spread=0.6, dimensions=24):
    """Draw unit vectors around class centers."""
    centers = np.random.default_rng(centers_seed).normal(size=(40, dimensions))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    generator, classes = np.random.default_rng(seed), np.repeat(np.arange(n_classes), per_class)
    vectors = centers[classes] + generator.normal(size=(len(classes), dimensions)) * spread / dimensions**0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), classes


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_stated_share_of_fresh_known_texts_is_called_novel_and_unknown_classes_are(rate):
    vectors, classes = clouds(40, 40, seed=1)
    is_known = classes < 20
    novelty = learn_novelty(Labeled(vectors[is_known], classes[is_known], 20),
                            NoveltyRecipe(false_positive_rate=rate), seed=0)
    fresh, of = clouds(40, 60, seed=2)
    called = novelty(fresh) >= novelty.threshold
    low, high = binom.interval(0.999, 1_200, rate)
    assert low / 1_200 - 0.02 <= called[of < 20].mean() <= high / 1_200 + 0.02
    assert called[of >= 20].mean() > 0.9


def test_the_number_is_the_share_of_known_texts_that_look_less_novel():
    vectors, classes = clouds(20, 40, seed=1)
    novelty = learn_novelty(Labeled(vectors, classes, 20), NoveltyRecipe(), seed=0)
    told = np.sort(novelty(clouds(20, 100, seed=3)[0]))
    assert np.abs(told - np.arange(len(told)) / len(told)).max() < 0.06


def test_beyond_every_known_text_what_is_farther_is_still_more_novel():
    knots, shares = calibrated(np.sort(np.random.default_rng(0).normal(size=500)))
    beyond = np.interp([3.5, 4.0, 4.5], knots, shares)
    assert (np.diff(beyond) > 0).all() and beyond[-1] < 1
    assert (np.diff(knots) > 0).all() and (np.diff(shares) >= 0).all()


def test_too_few_labels_calibrate_nothing():
    vectors, classes = clouds(5, 1, seed=1)
    assert learn_novelty(Labeled(vectors, classes, 5), NoveltyRecipe(), seed=0) is None


@pytest.mark.parametrize("labels_per_class", [2, 12])
def test_the_graph_computes_what_was_calibrated_and_serving_flags_it(labels_per_class, banking, store, tmp_path, now):
    recipe = recipe_of({"encoder": "subword", "subword": TINY_SUBWORD, "export": {"n_golden": 4},
                        "novelty": {"min_labels": 8}})
    texts = [text for label in LABELS for text in banking[label][:labels_per_class]]
    encoder = open_encoder(recipe, texts, tmp_path)
    embedder = Embedder(encoder, body_of(encoder, tmp_path), EmbeddingCache(tmp_path, encoder.digest), threads=1)
    labeled = Labeled(embedder.embed(texts), np.repeat(np.arange(4), labels_per_class), 4)
    novelty = learn_novelty(labeled, recipe.novelty, recipe.seed)
    found = export(embedder, learn_supervised(labeled, recipe.head, recipe.seed),
                   Lineage("intent", 1, LABELS, recipe, None, "test", now), texts, store, tmp_path, threads=1,
                   novelty=novelty)
    predictor = Predictor.load(load_bundle(store, found.digest), CPU, threads=1)
    asked = [text for label in LABELS for text in banking[label][20:30]] + ["zzz qqq xxx", "카드를 잃어버렸어요"]

    probs, told = predictor.probs(asked)

    np.testing.assert_allclose(told, novelty(embedder.embed(asked)), atol=2e-3)
    assert predictor.facts.novelty.n_texts == len(texts) and predictor.novel_at == 0.95
    flags = [row["is_novel"] for row in rows(Answer(Loaded(1, 1, predictor), probs, told))]
    assert flags == (told.astype(np.float64).round(6) >= 0.95).tolist()


def test_a_bundle_without_calibration_answers_without_the_flag(store, banking, tmp_path, now):
    recipe = recipe_of({"encoder": "subword", "subword": TINY_SUBWORD, "export": {"n_golden": 4}})
    texts = [banking[label][0] for label in LABELS]
    encoder = open_encoder(recipe, texts, tmp_path)
    embedder = Embedder(encoder, body_of(encoder, tmp_path), EmbeddingCache(tmp_path, encoder.digest), threads=1)
    labeled = Labeled(embedder.embed(texts), np.arange(4), 4)
    found = export(embedder, learn_supervised(labeled, replace(recipe.head), recipe.seed),
                   Lineage("intent", 1, LABELS, recipe, None, "test", now), texts, store, tmp_path, threads=1,
                   novelty=learn_novelty(labeled, recipe.novelty, recipe.seed))
    predictor = Predictor.load(load_bundle(store, found.digest), CPU, threads=1)
    told = rows(Answer(Loaded(1, 1, predictor), *predictor.probs(texts)))
    assert predictor.facts.novelty is None and all("is_novel" not in row for row in told)
