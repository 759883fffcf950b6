"""Artifacts: all or nothing, verified on each read, on a local disk and on S3."""

import os
import subprocess
from pathlib import Path

import pytest

from registry.artifacts.store import PIECE_BYTES, ArtifactStore
from registry.errors import CorruptArtifact, NotFound, Refused, RegistryError

FILES = {"model.onnx": b"weights" * 1_000, "labels.json": b'["a", "b"]'}


@pytest.fixture(scope="module")
def s3_endpoint():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(params=["local", "s3"])
def any_store(request, tmp_path):
    if request.param == "local":
        return ArtifactStore(str(tmp_path / "artifacts"))
    options = {"key": "k", "secret": "s", "endpoint_url": request.getfixturevalue("s3_endpoint")}
    store = ArtifactStore(f"s3://bucket-{os.urandom(4).hex()}/models", options)
    store.fs.mkdir(store.root.split("/")[0])
    return store


def test_what_was_stored_is_read_and_storing_it_twice_is_one_artifact(any_store):
    digest = any_store.store(FILES, {"task": "intents"})
    assert any_store.store(dict(reversed(FILES.items())), {"task": "intents"}) == digest
    artifact = any_store.load(digest)
    assert artifact.files == FILES and artifact.facts == {"task": "intents"}
    assert list(any_store.digests()) == [digest]


def test_other_facts_are_another_artifact(any_store):
    assert any_store.store(FILES, {"n": 1}) != any_store.store(FILES, {"n": 2})


def test_what_the_caller_holds_is_not_read_and_everything_else_is(any_store):
    digest = any_store.store(FILES, {})
    sha256s, rests = any_store.load(digest).sha256s, []
    artifact = any_store.load(digest, {sha256s["model.onnx"]}, rests.append)
    assert artifact.files == {"labels.json": FILES["labels.json"]} and artifact.sha256s == sha256s
    assert set(sha256s) == set(FILES) and len(rests) == 1


def test_a_file_of_many_pieces_is_whole_and_rests_after_each(any_store):
    content = os.urandom(3 * PIECE_BYTES + 1)
    digest, rests = any_store.store({"model.onnx": content}, {}), []
    assert any_store.load(digest, rest=rests.append).files["model.onnx"] == content
    assert len(rests) == 4 and min(rests) >= 0


def test_one_flipped_byte_is_named(any_store):
    digest = any_store.store(FILES, {})
    any_store.fs.pipe_file(any_store._path(digest, "model.onnx"), b"Xeights" + FILES["model.onnx"][7:])
    any_store.fs.invalidate_cache()
    with pytest.raises(CorruptArtifact, match=r"model\.onnx does not match"):
        any_store.load(digest)


def test_a_missing_an_extra_and_a_changed_manifest_are_named(any_store):
    digest = any_store.store(FILES, {})
    any_store.fs.pipe_file(any_store._path(digest, "extra.bin"), b"x")
    any_store.fs.invalidate_cache()
    with pytest.raises(CorruptArtifact, match=r"extra\.bin is not in its manifest"):
        any_store.load(digest)
    any_store.fs.rm(any_store._path(digest, "extra.bin"))
    any_store.fs.rm(any_store._path(digest, "labels.json"))
    any_store.fs.invalidate_cache()
    with pytest.raises(CorruptArtifact, match=r"labels\.json is missing"):
        any_store.load(digest)
    any_store.fs.pipe_file(any_store._path(digest, "manifest.json"), b"{}")
    with pytest.raises(CorruptArtifact, match="manifest"):
        any_store.load(digest)


def test_an_artifact_without_its_manifest_is_not_there(any_store):
    digest = any_store.store(FILES, {})
    any_store.fs.rm(any_store._path(digest, "manifest.json"))
    any_store.fs.invalidate_cache()
    assert not any_store.holds(digest) and not list(any_store.digests())
    with pytest.raises(NotFound):
        any_store.load(digest)


def test_a_symbolic_link_is_refused(store: ArtifactStore, tmp_path: Path):
    digest = store.store(FILES, {})
    secret = tmp_path / "secret"
    secret.write_bytes(FILES["model.onnx"])
    model = Path(store._path(digest, "model.onnx"))
    model.unlink()
    model.symlink_to(secret)
    with pytest.raises(CorruptArtifact, match="symbolic link"):
        store.load(digest)


@pytest.mark.parametrize("name", ["../escape", "a/b", "Model.onnx", "", ".hidden", "manifest.json", "x" * 80])
def test_file_names_that_could_leave_the_folder_are_refused(store, name):
    with pytest.raises(Refused):
        store.store({name: b"x"}, {})


@pytest.mark.parametrize("digest", ["../../etc/passwd", "abc", "A" * 64])
def test_only_digests_name_artifacts(store, digest):
    with pytest.raises(Refused, match="not a digest"):
        store.load(digest)


@pytest.fixture
def tiny_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_visible(tiny_disk):
    store = ArtifactStore(str(tiny_disk / "artifacts"))
    kept = store.store(FILES, {})
    with pytest.raises(RegistryError, match="no space left"):
        store.store({"model.onnx": os.urandom(3_000_000)}, {})
    assert list(store.digests()) == [kept]
    assert len(list((tiny_disk / "artifacts").iterdir())) == 1
