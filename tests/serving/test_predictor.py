"""The predictor answers alike however texts are batched, and refuses by name what no server may load."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.errors import CorruptArtifact
from serving.errors import GoldenMismatch, NoProvider, UnfitBundle
from serving.predictor import Predictor, choose_providers
from tests.serving import bundles
from tests.serving.bundles import CPU, TEXTS, tiny_bundle


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(str(tmp_path / "artifacts"))


def load(store, digest):
    return Predictor.load(load_bundle(store, digest), CPU, threads=1)


@pytest.mark.parametrize("kind", ["tokens", "ngrams"])
def test_a_text_gets_the_same_answer_alone_and_in_any_batch(store, kind):
    predictor = load(store, tiny_bundle(store, kind=kind))
    texts = [*(TEXTS * 12), "", "   ", "🙂" * 300, "x" * 9_000]
    probs, novelty = predictor.probs(texts)
    for index in (0, 3, 7, 95, 96, 97, 98, 99):
        alone, alone_novelty = predictor.probs([texts[index]])
        np.testing.assert_allclose(alone[0], probs[index], atol=1e-5)
        np.testing.assert_allclose(alone_novelty[0], novelty[index], atol=1e-5)
    assert probs.shape == (100, 3) and novelty.shape == (100,)
    assert probs.dtype == novelty.dtype == np.float32


@pytest.mark.parametrize("kind", ["tokens", "ngrams"])
def test_a_sound_bundle_warms_up_and_reproduces_its_golden_answers(store, kind):
    predictor = load(store, tiny_bundle(store, kind=kind))
    predictor.warm_up()
    predictor.check_golden()
    assert predictor.probs([])[0].shape == (0, 3)


def test_golden_answers_that_do_not_reproduce_are_refused(store):
    with pytest.raises(GoldenMismatch, match="does not reproduce"):
        load(store, tiny_bundle(store, golden=bundles.wrong_golden())).check_golden()


def test_answers_that_are_no_numbers_are_refused(store):
    def spoil(model):
        model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((512, 16), np.nan, np.float32), "table"))

    with pytest.raises(GoldenMismatch, match="nan"):
        load(store, tiny_bundle(store, spoil=spoil)).check_golden()


def external_data_in_a_subgraph(model):
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "hidden")
    bundles.with_external_data(helper.make_model(inner := helper.make_graph([], "then", [], [], [tensor])))
    inner.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    inner.initializer[0].external_data.add(key="location", value="weights.bin")
    model.graph.node.append(helper.make_node("If", ["zero"], ["never"], then_branch=inner, else_branch=inner))


def external_data_in_an_attribute(model):
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "hidden")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Constant", [], ["never"], value=tensor))


def unreadable(model):
    model.graph.node[0].op_type = "NoSuchOperator"


@pytest.mark.parametrize(("spoil", "reason"), [
    (bundles.with_external_data, "'table' of its graph has external_data"),
    (external_data_in_a_subgraph, "'hidden' of its graph has external_data"),
    (external_data_in_an_attribute, "'hidden' of its graph has external_data"),
    (bundles.with_custom_operator, "unknown domain 'evil.example'"),
    (bundles.with_renamed_output, "lacks the float32 output 'probs'"),
    (unreadable, "cannot open"),
])
def test_a_graph_that_no_server_may_load_is_refused_by_name(store, spoil, reason):
    with pytest.raises(UnfitBundle, match=reason):
        load(store, tiny_bundle(store, spoil=spoil))


def test_a_graph_of_another_number_of_labels_is_refused(store):
    sound = load_bundle(store, tiny_bundle(store))
    other = load_bundle(store, tiny_bundle(store, labels=["yes", "no"]))
    with pytest.raises(UnfitBundle, match="answers 2 labels"):
        Predictor.load(sound.model_copy(update={"model": other.model}), CPU, threads=1)


def test_a_graph_with_the_inputs_of_other_features_is_refused(store):
    tokens = load_bundle(store, tiny_bundle(store))
    ngrams = load_bundle(store, tiny_bundle(store, kind="ngrams"))
    with pytest.raises(UnfitBundle, match="has inputs"):
        Predictor.load(tokens.model_copy(update={"model": ngrams.model}), CPU, threads=1)


@pytest.mark.parametrize(("kind", "content"), [("tokens", b"{}"), ("ngrams", b"{"), ("ngrams", b'{"n_min": 99}')])
def test_unreadable_features_are_refused(store, kind, content):
    bundle = load_bundle(store, tiny_bundle(store, kind=kind))
    with pytest.raises(UnfitBundle, match="cannot be read"):
        Predictor.load(bundle.model_copy(update={"features": content}), CPU, threads=1)


def test_bytes_that_are_no_model_are_refused(store):
    bundle = load_bundle(store, tiny_bundle(store))
    with pytest.raises(UnfitBundle, match="cannot be read"):
        Predictor.load(bundle.model_copy(update={"model": b"\xff not a model"}), CPU, threads=1)


@pytest.mark.parametrize(("spoil", "reason"), [
    (bundles.flip_a_byte, "model.onnx does not match its sha256"),
    (bundles.remove_file, "labels.json is missing"),
    (bundles.replace_by_symlink, "model.onnx is a symbolic link"),
])
def test_spoiled_files_are_refused_by_name(store, spoil, reason):
    digest = tiny_bundle(store)
    spoil(store, digest)
    with pytest.raises(CorruptArtifact, match=reason):
        load(store, digest)


def test_the_chosen_provider_runs_and_every_better_one_has_a_reason():
    choice = choose_providers()
    assert len(choice.reasons) == ["tensorrt", "cuda", "cpu"].index(choice.name)
    assert choice.providers[-1] == "CPUExecutionProvider"
    with pytest.raises(NoProvider, match="'npu'"):
        choose_providers(["npu"])
