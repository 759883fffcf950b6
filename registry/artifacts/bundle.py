"""The model bundle: what a trainer writes, the registry names and a server loads."""

import json
from collections.abc import Container
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.artifacts.store import Artifact, ArtifactStore, Rest
from registry.errors import CorruptArtifact
from registry.text import NORMALIZATION_VERSION

MODEL, LABELS, GOLDEN = "model.onnx", "labels.json", "golden.json"
BODY, HEAD = "body.onnx", "head.onnx"                 # together, instead of the model
FEATURES = {"tokens": "tokenizer.json", "ngrams": "ngrams.json"}     # what turns texts into the graph's inputs


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoveltyFacts(_Frozen):
    """What the graph's novelty means: the share of known texts that look less novel, as measured on held-out labels."""

    threshold: float = Field(description="From here on a text is novel.")
    false_positive_rate: float = Field(gt=0, lt=1, description="Share of known texts that are called novel.")
    n_texts: int = Field(ge=0, description="Held-out labels that it was calibrated on.")
    novel_share: float | None = Field(None, ge=0, le=1, description="Share of the traffic that is novel, estimated.")


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


class Body(_Frozen):
    """The graph up to its embedding, a file of its own: versions on one encoder have the same."""

    digest: str = Field(description="sha256 of its bytes.")
    content: bytes | None = Field(repr=False, description="None where whoever loads the bundle has it open.")


class Bundle(_Frozen):
    """A verified bundle in memory."""

    digest: str
    facts: BundleFacts
    labels: list[str] = Field(min_length=2)
    golden: Golden
    model: bytes = Field(repr=False, description="The graph, or its head where it has a `body`.")
    body: Body | None = None
    features: bytes = Field(repr=False, description="tokenizer.json or ngrams.json, as `facts.features` says.")

    @property
    def size_bytes(self) -> int:
        """Bytes in memory of what computes."""
        body = b"" if self.body is None else self.body.content or b""
        return len(body) + len(self.model) + len(self.features)


def store_bundle(store: ArtifactStore, facts: BundleFacts, labels: list[str], golden: Golden,
                 model: bytes, features: bytes, body: bytes | None = None) -> str:
    """Keep a bundle, its graph whole or as head and `body`, and return its digest."""
    graph = {MODEL: model} if body is None else {BODY: body, HEAD: model}
    files = {
        **graph,
        FEATURES[facts.features]: features,
        LABELS: json.dumps(labels, ensure_ascii=False).encode(),
        GOLDEN: golden.model_dump_json().encode(),
    }
    return store.store(files, facts.model_dump(mode="json"))


def load_bundle(store: ArtifactStore, digest: str, open_bodies: Container[str] = (),
                rest: Rest = lambda _seconds: None) -> Bundle:
    """Read and verify a bundle; raises CorruptArtifact naming what is wrong.

    A body whose digest is in `open_bodies` is not read: the caller opened those very
    bytes after they were verified, whatever lies in the store by now. Between pieces `rest`
    may pause.
    """
    return _bundle_of(store.load(digest, open_bodies, rest))


def _bundle_of(artifact: Artifact) -> Bundle:
    try:
        facts = BundleFacts.model_validate(artifact.facts)
        _check_files(artifact, facts)
        labels = json.loads(artifact.files[LABELS])
        golden = Golden.model_validate_json(artifact.files[GOLDEN])
        body = _body_of(artifact)
        bundle = Bundle(digest=artifact.digest, facts=facts, labels=labels, golden=golden, body=body,
                        model=artifact.files[MODEL if body is None else HEAD],
                        features=artifact.files[FEATURES[facts.features]])
    except (ValidationError, ValueError, RecursionError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else error
        raise CorruptArtifact(f"artifact {artifact.digest[:12]} is no model bundle: {reason}") from error
    _check_consistency(bundle)
    return bundle


def _body_of(artifact: Artifact) -> Body | None:
    sha256 = artifact.sha256s.get(BODY)
    return None if sha256 is None else Body(digest=sha256, content=artifact.files.get(BODY))


def _check_files(artifact: Artifact, facts: BundleFacts) -> None:
    found = set(artifact.sha256s)
    graph = {BODY, HEAD} if BODY in found else {MODEL}
    expected = {*graph, LABELS, GOLDEN, FEATURES[facts.features]}
    if found != expected:
        raise ValueError(f"it holds {sorted(found)}, a bundle holds {sorted(expected)}")
    if unread := sorted(expected - {BODY} - set(artifact.files)):
        raise ValueError(f"its {unread[0]} has the bytes of a body")


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
