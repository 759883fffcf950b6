"""Where a backup lies: a folder or anything fsspec opens; files appear whole or not at all."""

import gzip
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import fsspec

from registry.artifacts.store import ArtifactStore, is_on_disk
from registry.errors import CorruptBackup, Refused

CHUNK_BYTES = 2**20


class BackupPlace:
    """One backup: `artifacts/` and `bank/`, which grow, and a folder below `snapshots/` for each time."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self.fs, self.root = fsspec.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise Refused(f"{url} cannot be opened: {error}", "name a folder or s3://BUCKET/PREFIX") from error
        self.is_local = is_on_disk(self.fs)

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(f"{self.url.rstrip('/')}/artifacts")

    def snapshots(self) -> list[str]:
        """Return the names of the snapshots that were finished, oldest first."""
        names = [path.rstrip("/").rsplit("/", 1)[-1] for path in self._listed("snapshots")]
        return sorted(name for name in names if self.holds(f"snapshots/{name}/snapshot.json"))

    def holds(self, name: str) -> bool:
        return bool(self.fs.exists(self._path(name)))

    def read(self, name: str) -> bytes:
        return bytes(self.fs.cat_file(self._path(name)))

    def write(self, name: str, content: bytes) -> None:
        self.write_all(name, [content])

    def write_all(self, name: str, chunks: Iterable[bytes]) -> str:
        """Write a file in pieces and return its sha256; readers see all of it or nothing."""
        path, digest = self._path(name), hashlib.sha256()
        target = f"{path}.partial-{os.getpid()}" if self.is_local else path
        self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        with self.fs.open(target, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
            _flush(file, self.is_local)
        if self.is_local:
            Path(target).replace(path)
        return digest.hexdigest()

    def chunks(self, name: str, sha256: str) -> Iterator[bytes]:
        """Yield a file in pieces; raises CorruptBackup at its end if its bytes are not those of `sha256`."""
        digest = hashlib.sha256()
        try:
            with self.fs.open(self._path(name), "rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    yield chunk
        except FileNotFoundError:
            raise CorruptBackup(f"the backup at {self.url} lacks {name}", "restore from another copy of it") from None
        if digest.hexdigest() != sha256:
            raise CorruptBackup(f"{name} of the backup at {self.url} does not match its sha256",
                                "restore from another snapshot or another copy")

    def unpacked(self, name: str, sha256: str) -> Iterator[str]:
        """Yield the lines of a packed file; it is verified before the first of them."""
        for _ in self.chunks(name, sha256):
            pass
        with self.fs.open(self._path(name), "rb") as packed, gzip.open(packed, "rt", encoding="utf-8") as lines:
            yield from lines

    def remove(self, name: str) -> None:
        self.fs.rm_file(self._path(name))

    def size(self, name: str) -> int | None:
        """Return the bytes of a file; None if it is not there."""
        return int(self.fs.size(self._path(name))) if self.holds(name) else None

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _listed(self, name: str) -> list[str]:
        return list(self.fs.ls(self._path(name), detail=False)) if self.holds(name) else []


def _flush(file: IO[bytes], is_local: bool) -> None:
    file.flush()
    if is_local:
        os.fsync(file.fileno())
