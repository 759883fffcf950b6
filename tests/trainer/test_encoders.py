"""What every encoder promises, asked of all three kinds; and what the embedding cache promises."""

import numpy as np
import pytest
import torch

from trainer.encoders.bodies import body_of, open_body
from trainer.encoders.cache import EmbeddingCache, forget_vectors
from trainer.encoders.embedder import CHUNK_TEXTS, Embedder
from trainer.encoders.kinds import open_encoder
from trainer.errors import EncoderError, Interrupted
from trainer.recipe import recipe_of

TEXTS = ["I lost my card", "카드를 잃어버렸어요", "When will my card arrive?", "?", "long " * 300, "naïve café 🙂"]
TINY = {"dimensions": 16, "n_buckets": 512, "epochs": 1, "batch_rows": 4}


@pytest.fixture(params=["minilm", "subword", "hf"])
def encoder(request, tiny_transformer, tmp_path):
    kind = f"hf:{tiny_transformer}" if request.param == "hf" else request.param
    return open_encoder(recipe_of({"encoder": kind, "subword": TINY}), TEXTS, tmp_path)


@pytest.fixture
def cache_folder(tmp_path_factory):
    """One for the session: MiniLM is exported once."""
    return tmp_path_factory.getbasetemp() / "bodies"


@pytest.fixture
def embedder(encoder, cache_folder, tmp_path):
    return Embedder(encoder, body_of(encoder, cache_folder), EmbeddingCache(tmp_path, encoder.digest), threads=1)


def test_an_encoder_returns_unit_vectors_in_the_order_of_the_texts(embedder):
    vectors = embedder.embed(TEXTS)

    assert vectors.shape[0] == len(TEXTS) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(embedder.embed(TEXTS[::-1])[::-1], vectors)
    np.testing.assert_allclose(embedder.compute(["I lost my card"])[0], vectors[0], atol=1e-4)


def test_the_trainable_module_and_the_exported_graph_agree(encoder, cache_folder):
    features, module = encoder.featurize(TEXTS), encoder.build()
    expected = module(*(torch.from_numpy(features[name]) for name in encoder.featurize.inputs))

    found = open_body(body_of(encoder, cache_folder), threads=1).run(["embedding"], features)[0]

    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-4)
    assert any(parameter.requires_grad for parameter in module.parameters())


def test_an_encoder_opened_twice_has_the_same_digest(encoder, tiny_transformer, tmp_path):
    again = open_encoder(recipe_of({"encoder": encoder.name, "subword": TINY}), TEXTS[::-1], tmp_path)

    assert again.digest == encoder.digest and encoder.license


def test_subword_pretrained_elsewhere_on_the_same_texts_is_the_same(tmp_path):
    recipe = recipe_of({"encoder": "subword", "subword": TINY})
    one, other, third = (open_encoder(recipe, texts, tmp_path / name)
                         for name, texts in (("a", TEXTS), ("b", TEXTS), ("c", TEXTS[:-1])))

    assert one.digest == other.digest != third.digest


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_an_encoder_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()

    with pytest.raises(EncoderError, match=folder):
        open_encoder(recipe_of({"encoder": f"hf:{tmp_path / folder}"}), [], tmp_path)


def interrupted_after(n_reports):
    calls = iter(range(n_reports))

    def report(_done):
        if next(calls, None) is None:
            raise Interrupted("stopped")

    return report


def test_an_interrupted_embedding_keeps_what_it_did_and_goes_on_there(encoder, cache_folder, tmp_path):
    if encoder.name != "subword":
        pytest.skip("one kind is enough")
    texts = [f"text number {number}" for number in range(2 * CHUNK_TEXTS + 10)]
    cache = EmbeddingCache(tmp_path, encoder.digest)
    with pytest.raises(Interrupted):
        Embedder(encoder, body_of(encoder, cache_folder), cache, 1).embed(texts, interrupted_after(2))

    resumed = EmbeddingCache(tmp_path, encoder.digest)
    assert len(resumed) == 2 * CHUNK_TEXTS
    embedder = Embedder(encoder, body_of(encoder, cache_folder), resumed, 1)
    np.testing.assert_allclose(embedder.embed(texts), embedder.compute(texts), atol=1e-5)


def test_a_torn_cache_file_is_set_aside_and_many_small_ones_become_one(tmp_path):
    cache = EmbeddingCache(tmp_path, "d")
    for number in range(30):
        cache.add([bytes([number]) * 16], np.full((1, 4), number, np.float32))
    (cache.folder / "torn.arrow").write_bytes(b"ARROW1 and then the power went")

    again = EmbeddingCache(tmp_path, "d")

    assert len(again) == 30 and len(list(cache.folder.glob("*.arrow"))) == 1
    np.testing.assert_array_equal(again.get([bytes([7]) * 16, bytes([29]) * 16])[:, 0], [7, 29])


def test_vectors_of_forgotten_texts_are_in_no_file_of_any_encoder_and_all_others_stay(tmp_path):
    keys = [bytes([number]) * 16 for number in range(10)]
    for digest in ("encoder", "answers-of-a-version"):
        cache = EmbeddingCache(tmp_path, digest)
        cache.add(keys[:4], np.arange(16, dtype=np.float32).reshape(4, 4))
        cache.add(keys[4:5], np.full((1, 4), 7, np.float32))
        cache.add(keys[5:], np.ones((5, 4), np.float32))
    (cache.folder / "torn.unreadable").write_bytes(keys[1])

    assert forget_vectors(tmp_path, {keys[1], keys[4], b"never embedded.."}) == 4
    assert forget_vectors(tmp_path, {keys[1], keys[4]}) == 0

    for digest in ("encoder", "answers-of-a-version"):
        left = EmbeddingCache(tmp_path, digest)
        assert sorted(left.hashes.to_pylist()) == [keys[number] for number in (0, 2, 3, 5, 6, 7, 8, 9)]
        np.testing.assert_array_equal(left.get([keys[0], keys[2], keys[9]])[:, 0], [0, 8, 1])
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert keys[1] not in on_disk and keys[4] not in on_disk and keys[2] in on_disk
