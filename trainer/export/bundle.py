"""Writes a bundle and proves it: the serving predictor must answer as the model that was learned."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from registry.artifacts.bundle import Bundle, BundleFacts, Golden, NoveltyFacts, load_bundle, store_bundle
from registry.artifacts.store import ArtifactStore
from registry.text import normalize
from serving.predictor import Predictor
from serving.predictor.halves import apart
from trainer.encoders.embedder import Embedder
from trainer.encoders.encoder import Encoder
from trainer.errors import ExportError
from trainer.export.golden import TOLERANCE, golden_texts
from trainer.export.graph import attach_head, opset_of
from trainer.export.precision import narrowed_body
from trainer.learning.head import Head
from trainer.learning.novelty import Novelty
from trainer.recipe import Recipe

UNSTORED = "0" * 64                                   # digest of a bundle that is not in a store yet
CPU = ["CPUExecutionProvider"]
# Largest difference of a probability that narrowing may cause; for fp32 the graphs are the same.
PARITY = {"fp32": 0.001, "int8": 0.25, "fp16": 0.03}


@dataclass(frozen=True)
class Lineage:
    """Where a model comes from."""

    task: str
    label_space: int
    labels: list[str]
    recipe: Recipe
    bank_version: int | None
    code_revision: str
    created_at: datetime


@dataclass(frozen=True)
class Exported:
    """A bundle in the store, open for measuring."""

    digest: str
    predictor: Predictor
    parity: float                                     # largest difference to what was learned
    size_bytes: int


def export(embedder: Embedder, head: Head, lineage: Lineage, train_texts: list[str], store: ArtifactStore,
           cache: Path, threads: int = 0, novelty: Novelty | None = None) -> Exported:
    """Store the bundle; raises ExportError if the predictor does not answer as the head does."""
    recipe, encoder = lineage.recipe, embedder.encoder
    model = attach_head(narrowed_body(encoder, recipe.export.precision, cache), head, novelty)
    facts = facts_of(embedder, lineage, opset_of(model), novelty)
    texts = golden_texts(train_texts, recipe.export.n_golden, recipe.seed)
    expected = head.probs(embedder.compute([normalize(text) for text in texts]))
    golden, parity = record_golden(facts, lineage.labels, model, encoder.features_file, texts, expected)
    body, rest = apart(model)
    digest = store_bundle(store, facts, lineage.labels, golden, rest, encoder.features_file, body)
    bundle = load_bundle(store, digest)               # the bytes that were stored
    predictor = Predictor.load(bundle, CPU, threads)
    predictor.check_golden()
    return Exported(digest, predictor, parity, bundle.size_bytes)


def record_golden(facts: BundleFacts, labels: list[str], model: bytes, features: bytes, texts: list[str],
                  expected: np.ndarray) -> tuple[Golden, float]:
    """Return the golden answers, recorded through the serving predictor, and how far they are from `expected`."""
    blank = Golden(texts=texts, probs=[[0.0] * len(labels)] * len(texts), tolerance=TOLERANCE[facts.precision])
    bundle = Bundle(digest=UNSTORED, facts=facts, labels=labels, golden=blank, model=model, features=features)
    found, _ = Predictor.load(bundle, CPU, threads=1).probs(texts)
    difference = float(np.abs(found - expected).max())
    if not difference <= PARITY[facts.precision]:
        raise ExportError(f"the {facts.precision} export differs from the model by {difference:.3f} in a probability, "
                          f"allowed is {PARITY[facts.precision]}", 'export with precision = "fp32"')
    return blank.model_copy(update={"probs": found.tolist()}), difference


def identity_of(encoder: Encoder) -> str:
    """Return what bundles on the same encoder have in common."""
    return f"{encoder.name} {encoder.digest}"


def digest_in(identity: str) -> str:
    """Return the encoder's digest, by which its cache of embeddings is named."""
    return identity.rpartition(" ")[2]


def facts_of(embedder: Embedder, lineage: Lineage, opset: int, novelty: Novelty | None = None) -> BundleFacts:
    encoder = embedder.encoder
    calibrated = None if novelty is None else NoveltyFacts(
        threshold=novelty.threshold, false_positive_rate=novelty.false_positive_rate, n_texts=novelty.n_texts,
        novel_share=novelty.novel_share)
    return BundleFacts(
        task=lineage.task, label_space=lineage.label_space, features=encoder.features,
        precision=lineage.recipe.export.precision, opset=opset, encoder=identity_of(encoder),
        encoder_license=encoder.license, recipe=lineage.recipe.to_dict(), bank_version=lineage.bank_version,
        code_revision=lineage.code_revision, created_at=lineage.created_at,
        novelty=calibrated,
    )
