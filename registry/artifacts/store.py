"""Content-addressed artifacts: files under the digest of their manifest, on a local disk or S3."""

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec

from registry.errors import CorruptArtifact, NotFound, Refused, RegistryError

MANIFEST = "manifest.json"
PIECE_BYTES = 2**20                                   # read and hashed in a millisecond
Rest = Callable[[float], None]
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Artifact:
    """Files that were verified against their manifest, in memory: nothing can change them afterwards."""

    digest: str
    facts: Mapping[str, Any]
    files: Mapping[str, bytes]
    sha256s: Mapping[str, str]                        # of every file of the artifact, also of those that were not read


class ArtifactStore:
    """Keeps artifacts below one URL (`/path`, `s3://bucket/prefix`, anything fsspec opens).

    A reader sees all of an artifact or none of it: the manifest is written last, and
    every file that is read is checked against it.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.fs, self.root = fsspec.url_to_fs(url, **(options or {}))
        self.is_local = is_on_disk(self.fs)

    def store(self, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
        """Keep `files` and `facts`; return the digest. Storing the same bytes twice is one artifact."""
        for name in files:
            if not _NAME.fullmatch(name) or name == MANIFEST:
                raise Refused(f"artifact file name {name!r} is not allowed")
        manifest = _manifest(files, facts)
        digest = hashlib.sha256(manifest).hexdigest()
        if not self.holds(digest):
            self._write(digest, {**files, MANIFEST: manifest})      # dicts keep order: the manifest is last
        return digest

    def holds(self, digest: str) -> bool:
        """Say whether the artifact was stored to its end (its bytes are checked by `load`)."""
        return bool(self.fs.exists(self._path(digest, MANIFEST)))

    def load(self, digest: str, held: Container[str] = (), rest: Rest = lambda _seconds: None) -> Artifact:
        """Read and verify an artifact, all but the files whose sha256 is in `held`: the caller has their bytes.

        `rest` is called after each piece with the seconds that it took, and may pause. Raises NotFound
        if it is not there, CorruptArtifact naming the file whose bytes differ, which is
        missing, which nobody listed, or which is a symbolic link.
        """
        manifest = self._read(digest, MANIFEST)
        if hashlib.sha256(manifest).hexdigest() != digest:
            raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} does not match its digest")
        facts, listed = _listed(digest, manifest)
        self._check_names(digest, set(listed) | {MANIFEST})
        files = {name: self._verified(digest, name, sha256, rest)
                 for name, sha256 in listed.items() if sha256 not in held}
        return Artifact(digest, facts, files, listed)

    def digests(self) -> Iterator[str]:
        """Yield the digest of every artifact that was stored to its end."""
        if self.fs.exists(self.root):
            for path in self.fs.ls(self.root, detail=False):
                name = path.rstrip("/").rsplit("/", 1)[-1]
                if _DIGEST.fullmatch(name) and self.holds(name):
                    yield name

    def _path(self, digest: str, name: str = "") -> str:
        if not _DIGEST.fullmatch(digest):
            raise Refused(f"{digest[:80]!r} is not a digest")
        return f"{self.root}/{digest}/{name}".rstrip("/")

    def _verified(self, digest: str, name: str, sha256: str, rest: Rest) -> bytes:
        """Return the bytes of a file, the very ones that were hashed."""
        found, content = hashlib.sha256(), BytesIO()  # which gives its bytes away without copying them
        begun = time.monotonic()
        for piece in self._pieces(digest, name):
            found.update(piece)
            content.write(piece)
            rest(time.monotonic() - begun)
            begun = time.monotonic()
        if found.hexdigest() != sha256:
            raise CorruptArtifact(f"artifact {digest[:12]}: {name} does not match its sha256")
        return content.getvalue()

    def _read(self, digest: str, name: str) -> bytes:
        return b"".join(self._pieces(digest, name))

    def _pieces(self, digest: str, name: str) -> Iterator[bytes | memoryview]:
        path = self._path(digest, name)
        if self.is_local and (os.path.islink(path) or os.path.islink(os.path.dirname(path))):
            raise CorruptArtifact(f"artifact {digest[:12]}: {name} is a symbolic link")
        try:
            if self.is_local:
                with Path(path).open("rb") as file:
                    yield from iter(lambda: file.read(PIECE_BYTES), b"")
            else:
                content = memoryview(self.fs.cat_file(path))      # one request, however many pieces
                yield from (content[start:start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES))
        except FileNotFoundError:
            if name == MANIFEST:
                raise NotFound(f"no artifact {digest[:12]} below {self.root}") from None
            raise CorruptArtifact(f"artifact {digest[:12]}: {name} is missing") from None

    def _check_names(self, digest: str, expected: set[str]) -> None:
        found = {path.rsplit("/", 1)[-1] for path in self.fs.ls(self._path(digest), detail=False)}
        if unlisted := sorted(found - expected):
            raise CorruptArtifact(f"artifact {digest[:12]}: {unlisted[0]} is not in its manifest")

    def _write(self, digest: str, files: Mapping[str, bytes]) -> None:
        try:
            self.fs.makedirs(self._path(digest), exist_ok=True)
            for name, content in files.items():
                self._write_file(self._path(digest, name), content)
        except OSError as error:
            self._discard(digest)
            reason = "no space left" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
            raise RegistryError(f"artifact {digest[:12]} was not stored: {reason} below {self.root}",
                                "free some space and run the command again") from error

    def _write_file(self, path: str, content: bytes) -> None:
        if not self.is_local:                            # an S3 put is whole or absent
            self.fs.pipe_file(path, content)
            return
        partial = Path(f"{path}.partial-{os.getpid()}")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def _discard(self, digest: str) -> None:
        """Remove an unfinished artifact; one that another writer finished meanwhile stays."""
        if not self.holds(digest):
            self.fs.rm(self._path(digest), recursive=True)


def _manifest(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> bytes:
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return json.dumps({"facts": facts, "files": listed}, sort_keys=True, indent=1, ensure_ascii=False).encode()


def _listed(digest: str, manifest: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """Return facts and files of a manifest, which whoever may write to the store can have made up."""
    try:
        told = json.loads(manifest)
        facts, listed = told["facts"], told["files"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} cannot be read: {error}") from error
    if not isinstance(facts, dict) or not isinstance(listed, dict):
        raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} describes no facts and files")
    for name, sha256 in listed.items():
        if not _NAME.fullmatch(name) or name == MANIFEST or not isinstance(sha256, str):
            raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} may not name a file {name[:80]!r}")
    return facts, listed


def is_on_disk(fs: fsspec.AbstractFileSystem) -> bool:
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol))
