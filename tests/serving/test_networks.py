"""A graph cut at its embedding answers as the whole one does, and versions on one encoder share its session."""

import gc
import hashlib
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from registry.artifacts.bundle import Body, load_bundle, store_bundle
from registry.artifacts.store import ArtifactStore
from registry.errors import CorruptArtifact
from serving.errors import GoldenMismatch, UnfitBundle
from serving.predictor import Predictor
from serving.predictor.halves import Graph, apart, cut, joined
from serving.predictor.network import Bodies, Opener, open_network
from serving.predictor.pace import Pace
from serving.predictor.weights import LARGE_BYTES, without_weights
from tests.serving.bundles import CPU, TEXTS, tiny_bundle, tiny_graph, wrong_golden

OUTPUTS = ["embedding", "probs", "novelty"]
INPUTS = {"input_ids": np.array([[1, 2, 3], [4, 5, 0]]), "attention_mask": np.array([[1, 1, 1], [1, 1, 0]])}


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(str(tmp_path / "artifacts"))


def graph(seed=0, dim=64):
    return tiny_graph("tokens", 400, 3, seed, dim)


def with_another_head(model, seed):
    weights = np.random.default_rng(seed).normal(size=(64, 3)).astype(np.float32)
    head = next(each for each in model.graph.initializer if each.name == "head")
    head.CopyFrom(numpy_helper.from_array(weights, "head"))
    return model


def opened(model, bodies):
    return open_network(model.SerializeToString(), None, Opener(CPU, 1, "bundle"), bodies)


def plain(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=CPU).run(OUTPUTS, INPUTS)


@pytest.mark.parametrize("dim", [16, 64], ids=["small weights", "weights beside the graph"])
def test_a_cut_graph_answers_as_the_whole_one(dim):
    model = graph(dim=dim)
    assert (len(model.graph.initializer[0].raw_data) >= LARGE_BYTES) == (dim == 64)
    network = opened(model, Bodies())
    assert network.head is not None
    for found, expected in zip(network.run(OUTPUTS, INPUTS), plain(model), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(network.run(["novelty"], INPUTS)[0], network.run(OUTPUTS, INPUTS)[2])


def test_halves_joined_again_are_one_valid_graph_that_answers_alike():
    body, head = apart(graph().SerializeToString())
    whole = onnx.load_model_from_string(joined(body, head))
    onnx.checker.check_model(whole)
    for found, expected in zip(plain(whole), plain(graph()), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_body_has_one_digest_whether_it_came_whole_or_apart():
    bodies, (body, head) = Bodies(), apart(graph().SerializeToString())
    kept = opened(graph(), bodies)
    digest = hashlib.sha256(body).hexdigest()
    assert list(bodies) == [digest]
    unread = Body(digest=digest, content=None)
    network = open_network(head, unread, Opener(CPU, 1, "bundle"), bodies)
    assert network.body is kept.body
    np.testing.assert_allclose(network.run(OUTPUTS, INPUTS)[1], plain(graph())[1], atol=1e-6)


def test_only_a_body_may_be_left_unread(store):
    body = b"the bytes of a body"
    digest = hashlib.sha256(body).hexdigest()
    honest = load_bundle(store, tiny_bundle(store))
    posing = store_bundle(store, honest.facts, honest.labels, honest.golden, body, honest.features, honest.model)
    with pytest.raises(CorruptArtifact, match=r"its head\.onnx has the bytes of a body"):
        load_bundle(store, posing, {digest})


def test_a_head_that_takes_anything_but_the_embedding_is_refused():
    body, _ = apart(graph().SerializeToString())
    content = Body(digest=hashlib.sha256(body).hexdigest(), content=body)
    with pytest.raises(UnfitBundle, match=r"its head takes \['input_ids', 'attention_mask'\]"):
        open_network(graph().SerializeToString(), content, Opener(CPU, 1, "bundle"), Bodies())


def test_versions_on_one_encoder_share_its_session_and_answer_each_for_themselves():
    bodies, first, second = Bodies(), graph(), with_another_head(graph(), 7)
    networks = [opened(first, bodies), opened(second, bodies)]
    assert networks[0].body is networks[1].body and len(bodies) == 1
    for network, model in zip(networks, (first, second), strict=True):
        np.testing.assert_allclose(network.run(OUTPUTS, INPUTS)[1], plain(model)[1], atol=1e-6)


@pytest.mark.parametrize("change", ["a weight", "a node", "the operators' version"])
def test_another_encoder_has_a_session_of_its_own(change):
    bodies, first, second = Bodies(), graph(), graph()
    if change == "a weight":
        table = numpy_helper.to_array(second.graph.initializer[0]).copy()
        table[3, 3] += 0.5
        second.graph.initializer[0].CopyFrom(numpy_helper.from_array(table, "table"))
    elif change == "a node":
        second.graph.node[5].attribute[0].i = 1       # keepdims
    else:
        second.opset_import[0].version = 16
    cuts = [cut(Graph.of(each.SerializeToString())) for each in (first, second)]
    assert cuts[0][0].digest() != cuts[1][0].digest()
    if change == "a weight":
        kept = opened(first, bodies), opened(second, bodies)
        assert kept[0].body is not kept[1].body and len(bodies) == 2


class Counted:
    """A session that counts its runs."""

    def __init__(self, session):
        self.session, self.n_runs = session, 0

    def run(self, *arguments):
        self.n_runs += 1
        return self.session.run(*arguments)

    def __getattr__(self, name):
        return getattr(self.session, name)


def test_a_shared_body_is_not_asked_again_what_it_answered_in_its_last_proof(store):
    """Yet every golden answer is checked, and a head that gives another is refused."""
    def bundle(answers, **golden):
        return load_bundle(store, tiny_bundle(store, answers=answers, **golden))

    first, second, wrong = bundle([0.2, 0.3, 0.5]), bundle([0.6, 0.3, 0.1]), bundle([0.1, 0.1, 0.8],
                                                                                    golden=wrong_golden())
    bodies, gentle = Bodies(), Pace(rows=1, rest=0)
    predictors = [Predictor.load(each, CPU, 1, bodies) for each in (first, second, wrong)]
    counted = Counted(predictors[0].session.body.session)
    for predictor in predictors:
        predictor.session.body = replace(predictor.session.body, session=counted)
    predictors[0].check_golden(gentle)
    assert counted.n_runs == len(TEXTS)
    predictors[1].check_golden(gentle)
    assert counted.n_runs == len(TEXTS)
    with pytest.raises(GoldenMismatch):
        predictors[2].check_golden(gentle)
    predictors[1].check_golden(gentle)                # the last proof was of two of its texts
    assert counted.n_runs == 2 * len(TEXTS) - 2


def test_a_session_goes_with_the_last_version_that_stands_on_it():
    bodies = Bodies()
    networks = [opened(graph(), bodies), opened(with_another_head(graph(), 7), bodies)]
    networks.pop()
    gc.collect()
    assert len(bodies) == 1
    networks.pop()
    gc.collect()
    assert len(bodies) == 0


def looks_behind_the_embedding(model):
    next(node for node in model.graph.node if node.op_type == "Gemm").input[0] = "summed"


def branches_in_the_head(model):
    branch = helper.make_graph([helper.make_node("Identity", ["summed"], ["same"])], "branch", [],
                               [helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, None)])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["copied"], then_branch=branch, else_branch=branch))


@pytest.mark.parametrize("spoil", [looks_behind_the_embedding, branches_in_the_head])
def test_a_graph_that_cannot_be_cut_runs_whole(spoil):
    model = graph()
    spoil(model)
    network = opened(model, Bodies())
    assert network.head is None
    for found, expected in zip(network.run(OUTPUTS, INPUTS), plain(model), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_head_is_checked_though_its_body_is_open_already():
    bodies, second = Bodies(), with_another_head(graph(), 7)
    kept = opened(graph(), bodies)
    second.graph.node[-1].domain = "evil.example"
    with pytest.raises(UnfitBundle, match=r"unknown domain 'evil\.example'"):
        opened(second, bodies)
    assert kept.body in bodies.values()


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8, np.uint8, np.int64])
def test_large_weights_of_each_kind_leave_the_graph_whole(kind):
    values = (np.arange(LARGE_BYTES) % 100).astype(kind).reshape(64, -1)
    model = helper.make_model(helper.make_graph([], "g", [], [], [numpy_helper.from_array(values, "w"),
                                                                 numpy_helper.from_array(values[:1, :2], "small")]))
    skeleton, weights = without_weights(Graph.of(model.SerializeToString()))
    np.testing.assert_array_equal(weights["w"], values)
    assert list(weights) == ["w"] and len(skeleton.to_bytes()) < 1_000


@pytest.mark.parametrize("kind", ["tokens", "ngrams"])
def test_bundles_of_one_encoder_share_it(store, kind):
    bodies = Bodies()
    bundles = [load_bundle(store, tiny_bundle(store, kind=kind, answers=answers))
               for answers in ([0.2, 0.3, 0.5], [0.6, 0.3, 0.1])]
    predictors = [Predictor.load(bundle, CPU, 1, bodies) for bundle in bundles]
    assert len(bodies) == 1
    for predictor, expected in zip(predictors, ([0.2, 0.3, 0.5], [0.6, 0.3, 0.1]), strict=True):
        predictor.check_golden()
        np.testing.assert_allclose(predictor.probs(TEXTS)[0], [expected] * len(TEXTS), atol=1e-5)
