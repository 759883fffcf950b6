"""Whatever lies in an artifact's folder, loading it gives the bundle or says what is wrong; drawn by hypothesis."""

import hashlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.artifacts.bundle import GOLDEN, LABELS, load_bundle
from registry.artifacts.store import MANIFEST, ArtifactStore
from registry.errors import CorruptArtifact
from tests.serving.bundles import tiny_bundle

NAMES = st.sampled_from(["model.onnx", LABELS, GOLDEN, "../outside", "/etc/hostname", "", MANIFEST, "a/b"])
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                    max_leaves=8)
DEEP = b"[" * 100_000


def put(root: Path, manifest: bytes, files: dict[str, bytes]) -> str:
    """Lay an artifact down as one who may write to the store could."""
    digest = hashlib.sha256(manifest).hexdigest()
    folder = root / digest
    folder.mkdir(exist_ok=True)
    for name, content in {**files, MANIFEST: manifest}.items():
        (folder / name).write_bytes(content)
    return digest


def described(facts, files: dict[str, bytes]) -> bytes:
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return json.dumps({"facts": facts, "files": listed}).encode()


@given(manifest=st.one_of(
    JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40), st.just(DEEP),
    st.builds(lambda facts, files: json.dumps({"facts": facts, "files": files}).encode(), JSON,
              JSON | st.dictionaries(NAMES, JSON, max_size=3))))
@settings(max_examples=150, deadline=None)
def test_any_manifest_is_refused_with_a_reason(manifest):
    with tempfile.TemporaryDirectory() as folder, pytest.raises(CorruptArtifact):
        load_bundle(ArtifactStore(folder), put(Path(folder), manifest, {}))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = ArtifactStore(str(tmp_path_factory.mktemp("whole")))
    return store.load(tiny_bundle(store, kind="ngrams"))


@given(drawn=st.data())
@settings(max_examples=80, deadline=None)
def test_any_content_of_a_file_is_refused_with_a_reason_or_is_a_bundle(whole, drawn):
    name = drawn.draw(st.sampled_from([LABELS, GOLDEN]))
    content = drawn.draw(st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40),
                                   st.just(DEEP)))
    files = {**whole.files, name: content}
    with tempfile.TemporaryDirectory() as folder, pytest.raises(CorruptArtifact):
        load_bundle(ArtifactStore(folder), put(Path(folder), described(dict(whole.facts), files), files))


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "..", "a/b", "A", MANIFEST])
def test_a_manifest_cannot_name_a_file_outside_its_folder(tmp_path, name):
    (tmp_path / "outside").write_bytes(b"secret")
    manifest = json.dumps({"facts": {}, "files": {name: hashlib.sha256(b"secret").hexdigest()}}).encode()
    with pytest.raises(CorruptArtifact, match="may not name"):
        ArtifactStore(str(tmp_path)).load(put(tmp_path, manifest, {}))
