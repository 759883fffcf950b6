"""The model bundle: what a trainer writes, the registry names and a server loads."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.artifacts.store import Artifact, ArtifactStore
from registry.errors import CorruptArtifact
from registry.text import NORMALIZATION_VERSION

MODEL, LABELS, GOLDEN = "model.onnx", "labels.json", "golden.json"
FEATURES = {"tokens": "tokenizer.json", "ngrams": "ngrams.json"}     # what turns texts into the graph's inputs


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoveltyFacts(_Frozen):
    """What the graph's novelty means: the share of known texts that look less novel, as measured on held-out labels."""

    threshold: float = Field(description="From here on a text is novel.")
    false_positive_rate: float = Field(gt=0, lt=1, description="Share of known texts that are called novel.")
    n_texts: int = Field(ge=0, description="Held-out labels that it was calibrated on.")


class BundleFacts(_Frozen):
    """What the manifest says of a bundle beside the sha256 of each file."""

    task: str
    label_space: int = Field(ge=1, description="Number of the label space whose labels are in labels.json.")
    features: Literal["tokens", "ngrams"]
    precision: Literal["fp32", "int8", "fp16"]
    opset: int
    normalization_version: int = NORMALIZATION_VERSION
    encoder: str
    encoder_license: str
    recipe: dict[str, Any]
    bank_version: int | None
    code_revision: str
    created_at: datetime
    novelty: NoveltyFacts | None = Field(None, description="None: a distance that nobody calibrated.")


class Golden(_Frozen):
    """Fixed texts and the probabilities recorded at export, which every server must reproduce."""

    texts: list[str] = Field(min_length=1)
    probs: list[list[float]] = Field(description="(n_texts, n_labels)")
    tolerance: float = Field(gt=0, le=0.1, description="Largest absolute difference of a probability.")


class Bundle(_Frozen):
    """A verified bundle in memory."""

    digest: str
    facts: BundleFacts
    labels: list[str] = Field(min_length=2)
    golden: Golden
    model: bytes = Field(repr=False)
    features: bytes = Field(repr=False, description="tokenizer.json or ngrams.json, as `facts.features` says.")


def store_bundle(store: ArtifactStore, facts: BundleFacts, labels: list[str], golden: Golden,
                 model: bytes, features: bytes) -> str:
    """Keep a bundle and return its digest."""
    files = {
        MODEL: model,
        FEATURES[facts.features]: features,
        LABELS: json.dumps(labels, ensure_ascii=False).encode(),
        GOLDEN: golden.model_dump_json().encode(),
    }
    return store.store(files, facts.model_dump(mode="json"))


def load_bundle(store: ArtifactStore, digest: str) -> Bundle:
    """Read and verify a bundle; raises CorruptArtifact naming what is wrong."""
    return _bundle_of(store.load(digest))


def _bundle_of(artifact: Artifact) -> Bundle:
    try:
        facts = BundleFacts.model_validate(artifact.facts)
        _check_files(artifact.files, facts)
        labels = json.loads(artifact.files[LABELS])
        golden = Golden.model_validate_json(artifact.files[GOLDEN])
        bundle = Bundle(digest=artifact.digest, facts=facts, labels=labels, golden=golden,
                        model=artifact.files[MODEL], features=artifact.files[FEATURES[facts.features]])
    except (ValidationError, ValueError, RecursionError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else error
        raise CorruptArtifact(f"artifact {artifact.digest[:12]} is no model bundle: {reason}") from error
    _check_consistency(bundle)
    return bundle


def _check_files(files: Mapping[str, bytes], facts: BundleFacts) -> None:
    expected = {MODEL, LABELS, GOLDEN, FEATURES[facts.features]}
    if set(files) != expected:
        raise ValueError(f"it holds {sorted(files)}, a bundle holds {sorted(expected)}")


def _check_consistency(bundle: Bundle) -> None:
    name = f"bundle {bundle.digest[:12]}"
    if bundle.facts.normalization_version != NORMALIZATION_VERSION:
        raise CorruptArtifact(f"{name} needs text normalization {bundle.facts.normalization_version}, "
                              f"this is {NORMALIZATION_VERSION}", "train again or run the release it was made with")
    if len(set(bundle.labels)) != len(bundle.labels):
        raise CorruptArtifact(f"{name}: {LABELS} repeats a label")
    rows, widths = len(bundle.golden.probs), {len(row) for row in bundle.golden.probs}
    if rows != len(bundle.golden.texts) or widths != {len(bundle.labels)}:
        raise CorruptArtifact(f"{name}: {GOLDEN} does not fit its {len(bundle.labels)} labels")
