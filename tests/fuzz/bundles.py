"""Whatever bytes lie in a bundle whose digests match, loading it gives a predictor or an error that says why not."""

import hashlib
import json
import tempfile
from pathlib import Path

from registry.artifacts.bundle import FEATURES, GOLDEN, LABELS, MODEL, load_bundle
from registry.artifacts.store import MANIFEST, Artifact, ArtifactStore
from registry.errors import HyperMatchError
from serving.predictor import Predictor
from tests.serving.bundles import CPU, tiny_bundle

KINDS = ("tokens", "ngrams")
WORDS = ['"facts"', '"files"', '"model.onnx"', '"labels.json"', '"golden.json"', '"ngrams.json"', '"tokenizer.json"',
         '"texts"', '"probs"', '"tolerance"', '"n_min"', '"n_max"', '"n_buckets"', '"max_chars"', '"padding"',
         '"pad_id"', '"truncation"', '"max_length"', '"stride"', '"vocab"', '"merges"', '"normalizer"', '"type"',
         '"Precompiled"', '"post_processor"', "1e999", "NaN", "null", "../", "com.x"]
FOLDER = tempfile.TemporaryDirectory()                # for as long as this process lives


def whole(kind: str) -> Artifact:
    store = ArtifactStore(f"{FOLDER.name}/{kind}")
    return store.load(tiny_bundle(store, kind=kind, dim=4))


WHOLE = [whole(kind) for kind in KINDS]


def parts(artifact: Artifact) -> list[str]:
    """Return the names of the files that are spoiled in turn, the manifest first."""
    return [MANIFEST, *sorted(artifact.files)]


def manifest_of(artifact: Artifact, files: dict[str, bytes]) -> bytes:
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return json.dumps({"facts": dict(artifact.facts), "files": listed}).encode()


# The first byte of an input says which bundle, the second which of its files the rest replaces.
SEEDS = [bytes([kind, part]) + (manifest_of(artifact, dict(artifact.files)) if name == MANIFEST
                                else artifact.files[name])
         for kind, artifact in enumerate(WHOLE) for part, name in enumerate(parts(artifact))]


def check(content: bytes) -> None:
    if len(content) < 2:
        return
    artifact = WHOLE[content[0] % len(WHOLE)]
    name = parts(artifact)[content[1] % len(parts(artifact))]
    files = dict(artifact.files) | ({} if name == MANIFEST else {name: content[2:]})
    manifest = content[2:] if name == MANIFEST else manifest_of(artifact, files)
    with tempfile.TemporaryDirectory(dir=FOLDER.name) as root:
        digest = laid_down(Path(root), manifest, files)
        try:
            bundle = load_bundle(ArtifactStore(root), digest)
            assert {MODEL, LABELS, GOLDEN, FEATURES[bundle.facts.features]} <= set(files)
            predictor = Predictor.load(bundle, CPU, threads=1)
            predictor.check_golden()
        except HyperMatchError as error:
            assert str(error) and "\n" not in str(error), error
        except Exception as error:                    # a graph that opens may still fail to run, in the runtime's words
            assert type(error).__module__.startswith("onnxruntime"), error


def laid_down(root: Path, manifest: bytes, files: dict[str, bytes]) -> str:
    """Put an artifact into a store as one who may write to it could."""
    digest = hashlib.sha256(manifest).hexdigest()
    (root / digest).mkdir()
    for name, content in {**files, MANIFEST: manifest}.items():
        (root / digest / name).write_bytes(content)
    return digest
