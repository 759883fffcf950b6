"""Tiny real bundles that load in milliseconds, and ways to spoil them."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from registry.artifacts.bundle import BundleFacts, Golden, load_bundle, store_bundle
from registry.artifacts.store import ArtifactStore
from serving.predictor import NgramConfig, Predictor
from serving.predictor.halves import apart

CPU = ["CPUExecutionProvider"]
TEXTS = ["card lost", "my card is lost", "where is my money", "transfer did not arrive", "카드를 잃어버렸어요",
         "top up failed again", "a", "the exchange rate on the app looks wrong today and I want to know why"]
TRAINING_TEXTS = [*TEXTS, "how do I close my account", "hello there", "please help me with the new card"]


def tiny_bundle(store: ArtifactStore, task: str = "intent", labels: Sequence[str] = ("lost", "money", "other"),
                seed: int = 0, *, kind: str = "tokens", label_space: int = 1, dim: int = 16,
                spoil: Callable[[onnx.ModelProto], None] | None = None, golden: Golden | None = None,
                answers: Sequence[float] | None = None, is_apart: bool = False) -> str:
    """Store a bundle that answers at random but always alike; two seeds answer differently.

    `answers` fixes the probabilities whatever the text; `spoil` edits the graph;
    `golden` replaces the recorded answers; body and head `is_apart` as a trainer stores
    them. Returns the digest.
    """
    features = tokenizer_json() if kind == "tokens" else ngrams_json()
    n_rows = len(json.loads(features)["model"]["vocab"]) if kind == "tokens" else NGRAMS.n_rows
    model = tiny_graph(kind, n_rows, len(labels), seed, dim, answers)
    facts = BundleFacts(task=task, label_space=label_space, features=kind, precision="fp32", opset=17,
                        encoder=f"tiny-{seed}", encoder_license="CC0-1.0", recipe={"seed": seed}, bank_version=None,
                        code_revision="test", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    recorded = golden or _golden(store, facts, list(labels), model, features)
    if spoil is not None:
        spoil(model)
    body, head = apart(model.SerializeToString()) if is_apart else (None, model.SerializeToString())
    return store_bundle(store, facts, list(labels), recorded, head, features, body)


def _golden(store: ArtifactStore, facts: BundleFacts, labels: list[str], model: onnx.ModelProto,
            features: bytes) -> Golden:
    blank = Golden(texts=TEXTS, probs=[[0.0] * len(labels)] * len(TEXTS), tolerance=0.01)
    draft = store_bundle(store, facts, labels, blank, model.SerializeToString(), features)
    probs, _ = Predictor.load(load_bundle(store, draft), CPU, threads=1).probs(TEXTS)
    return Golden(texts=TEXTS, probs=probs.tolist(), tolerance=1e-4)


NGRAMS = NgramConfig(n_min=2, n_max=3, n_buckets=512, max_chars=256)


def ngrams_json() -> bytes:
    return NGRAMS.model_dump_json().encode()


def tokenizer_json() -> bytes:
    """A byte-level BPE of a few words, with truncation at 32 tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["[PAD]", "[UNK]"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TRAINING_TEXTS, trainer)
    tokenizer.enable_truncation(32)
    return tokenizer.to_str().encode()


def tiny_graph(kind: str, n_rows: int, n_labels: int, seed: int, dim: int = 16,
               answers: Sequence[float] | None = None) -> onnx.ModelProto:
    """Gather, masked mean, L2 norm, linear head, softmax: the contract's inputs and outputs, nothing else."""
    rng = np.random.default_rng(seed)
    head = rng.normal(size=(dim, n_labels)) * (0 if answers is not None else 4)
    bias = np.log(answers) if answers is not None else np.zeros(n_labels)
    prototypes = rng.normal(size=(dim, n_labels))
    constants = {"table": rng.normal(size=(n_rows, dim)), "head": head, "bias": bias,
                 "prototypes": prototypes / np.linalg.norm(prototypes, axis=0), "one": np.ones(1),
                 "tiny": np.full(1, 1e-9)}
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    initializers += [numpy_helper.from_array(np.array([axis], np.int64), f"axis{axis}") for axis in (1, 2)]
    initializers.append(numpy_helper.from_array(np.zeros(1, np.int64), "zero"))
    ids, inputs = _inputs(kind)
    graph = helper.make_graph(_nodes(kind, ids), "tiny", inputs, [
        helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["B", n_labels]),
        helper.make_tensor_value_info("novelty", TensorProto.FLOAT, ["B"]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", dim])], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _inputs(kind: str) -> tuple[str, list[onnx.ValueInfoProto]]:
    names = ["input_ids", "attention_mask"] if kind == "tokens" else ["ngram_ids"]
    return names[0], [helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"]) for name in names]


def _nodes(kind: str, ids: str) -> list[onnx.NodeProto]:
    node = helper.make_node
    mask = [node("Equal", [ids, "zero"], ["is_pad"]), node("Not", ["is_pad"], ["attention_mask"])]
    return [
        *(mask if kind == "ngrams" else []),
        node("Gather", ["table", ids], ["vectors"]),
        node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["weights", "axis2"], ["weights3"]),
        node("Mul", ["vectors", "weights3"], ["weighted"]),
        node("ReduceSum", ["weighted", "axis1"], ["summed"], keepdims=0),
        node("ReduceL2", ["summed"], ["norm"], axes=[1], keepdims=1),
        node("Max", ["norm", "tiny"], ["norm_or_tiny"]),
        node("Div", ["summed", "norm_or_tiny"], ["embedding"]),
        node("Gemm", ["embedding", "head", "bias"], ["logits"]),
        node("Softmax", ["logits"], ["probs"], axis=1),
        node("MatMul", ["embedding", "prototypes"], ["cosines"]),
        node("ReduceMax", ["cosines"], ["nearest"], axes=[1], keepdims=0),
        node("Sub", ["one", "nearest"], ["novelty"]),
    ]


def with_external_data(model: onnx.ModelProto) -> None:
    """Point one weight at a file outside the bundle."""
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    tensor.ClearField("raw_data")


def with_custom_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].domain = "evil.example"
    model.opset_import.add(domain="evil.example", version=1)


def with_renamed_output(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.output[:] = ["scores" if name == "probs" else name for name in node.output]
    model.graph.output[0].name = "scores"


def wrong_golden(n_labels: int = 3) -> Golden:
    """Answers that no model of `tiny_bundle` gives."""
    return Golden(texts=TEXTS[:2], probs=[[1.0] + [0.0] * (n_labels - 1)] * 2, tolerance=1e-4)


def flip_a_byte(store: ArtifactStore, digest: str, file: str = "model.onnx") -> None:
    path = Path(store.root) / digest / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def remove_file(store: ArtifactStore, digest: str, file: str = "labels.json") -> None:
    (Path(store.root) / digest / file).unlink()


def replace_by_symlink(store: ArtifactStore, digest: str, file: str = "model.onnx") -> None:
    path = Path(store.root) / digest / file
    target = path.parent.parent / f"elsewhere-{file}"
    path.rename(target)
    path.symlink_to(target)
