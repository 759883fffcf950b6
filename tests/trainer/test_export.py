"""An export answers as the model that was learned, in every precision, or is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from registry.artifacts.bundle import load_bundle
from registry.text import normalize
from serving.predictor import Predictor
from tests.trainer.conftest import LABELS, TINY_SUBWORD
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.errors import ExportError
from trainer.export.bundle import CPU, PARITY, Lineage, export
from trainer.learning.embedded import Labeled
from trainer.learning.supervised import learn_supervised
from trainer.recipe import recipe_of


@pytest.fixture(params=["subword", "hf"])
def learned(request, banking, tiny_transformer, tmp_path):
    """An embedder, a head and the texts they come from."""
    kind = f"hf:{tiny_transformer}" if request.param == "hf" else "subword"
    recipe = recipe_of({"encoder": kind, "subword": TINY_SUBWORD, "export": {"n_golden": 4}})
    texts = [text for label in LABELS for text in banking[label][:8]]
    encoder = open_encoder(recipe, texts, tmp_path)
    embedder = Embedder(encoder, body_of(encoder, tmp_path), EmbeddingCache(tmp_path, encoder.digest), threads=1)
    labeled = Labeled(embedder.embed(texts), np.repeat(np.arange(4), 8), 4)
    return embedder, learn_supervised(labeled, recipe.head, recipe.seed), texts, recipe


def exported(learned, precision, store, tmp_path, now):
    embedder, head, texts, recipe = learned
    recipe = replace(recipe, export=replace(recipe.export, precision=precision))
    lineage = Lineage("intent", 1, LABELS, recipe, None, "test", now)
    return export(embedder, head, lineage, texts, store, tmp_path, threads=1)


@pytest.mark.parametrize("precision", ["fp32", "int8", "fp16"])
def test_the_serving_predictor_answers_as_torch_does(precision, learned, store, tmp_path, now):
    embedder, head, texts, _ = learned
    found = exported(learned, precision, store, tmp_path, now)
    features = embedder.encoder.featurize([normalize(text) for text in texts])
    with torch.no_grad():
        vectors = embedder.encoder.build()(*(torch.from_numpy(features[name])
                                             for name in embedder.encoder.featurize.inputs)).numpy()

    probs, novelty = Predictor.load(load_bundle(store, found.digest), CPU, threads=1).probs(texts)

    assert np.abs(probs - head.probs(vectors)).max() < PARITY[precision] and found.parity <= PARITY[precision]
    np.testing.assert_allclose(novelty, 1 - (vectors @ head.prototypes.T).max(axis=1), atol=0.1)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-4)


def test_versions_on_one_encoder_keep_the_same_body(learned, store, tmp_path, now):
    embedder, head, texts, recipe = learned
    another = replace(head, weight=-head.weight)
    bundles = [load_bundle(store, exported((embedder, each, texts, recipe), "fp32", store, tmp_path, now).digest)
               for each in (head, another)]

    assert bundles[0].body == bundles[1].body and bundles[0].model != bundles[1].model
    assert len(bundles[0].body.content) > len(bundles[0].model)


def test_golden_texts_are_training_texts_and_edge_cases(learned, store, tmp_path, now):
    bundle = load_bundle(store, exported(learned, "fp32", store, tmp_path, now).digest)

    assert len(set(bundle.golden.texts) & set(learned[2])) == 4 and len(bundle.golden.texts) > 8


def test_an_export_that_answers_otherwise_is_refused_and_nothing_is_stored(learned, store, tmp_path, now, monkeypatch):
    monkeypatch.setitem(PARITY, "fp32", -1.0)

    with pytest.raises(ExportError, match="differs from the model"):
        exported(learned, "fp32", store, tmp_path, now)

    assert list(store.digests()) == []
