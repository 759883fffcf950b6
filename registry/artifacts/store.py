"""Content-addressed artifacts: files under the digest of their manifest, on a local disk or S3."""

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from registry.errors import CorruptArtifact, NotFound, Refused, RegistryError

MANIFEST = "manifest.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Artifact:
    """Files that were verified against their manifest, in memory: nothing can change them afterwards."""

    digest: str
    facts: Mapping[str, Any]
    files: Mapping[str, bytes]


class ArtifactStore:
    """Keeps artifacts below one URL (`/path`, `s3://bucket/prefix`, anything fsspec opens).

    A reader sees all of an artifact or none of it: the manifest is written last, and
    every file is checked against it on each read.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.fs, self.root = fsspec.url_to_fs(url, **(options or {}))
        self.is_local = "file" in _protocols(self.fs)

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

    def load(self, digest: str) -> Artifact:
        """Read and verify an artifact.

        Raises NotFound if it is not there, CorruptArtifact naming the file whose bytes
        differ, which is missing, which nobody listed, or which is a symbolic link.
        """
        manifest = self._read(digest, MANIFEST)
        if hashlib.sha256(manifest).hexdigest() != digest:
            raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} does not match its digest")
        facts, listed = _listed(digest, manifest)
        self._check_names(digest, set(listed) | {MANIFEST})
        files = {name: self._read(digest, name) for name in listed}
        for name, content in files.items():
            if hashlib.sha256(content).hexdigest() != listed[name]:
                raise CorruptArtifact(f"artifact {digest[:12]}: {name} does not match its sha256")
        return Artifact(digest, facts, files)

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

    def _read(self, digest: str, name: str) -> bytes:
        path = self._path(digest, name)
        if self.is_local and (os.path.islink(path) or os.path.islink(os.path.dirname(path))):
            raise CorruptArtifact(f"artifact {digest[:12]}: {name} is a symbolic link")
        try:
            return bytes(self.fs.cat_file(path))
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


def _listed(digest: str, manifest: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return facts and files of a manifest, which whoever may write to the store can have made up."""
    try:
        told = json.loads(manifest)
        facts, listed = told["facts"], told["files"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} cannot be read: {error}") from error
    if not isinstance(facts, dict) or not isinstance(listed, dict):
        raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} describes no facts and files")
    for name in listed:
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise CorruptArtifact(f"artifact {digest[:12]}: {MANIFEST} may not name a file {name[:80]!r}")
    return facts, listed


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
