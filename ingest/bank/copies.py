"""Copies a bank at one version into a backup, and back; data files come first and the log last."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ingest.bank.tables import open_table
from ingest.errors import BankError
from registry.backup.place import CHUNK_BYTES, BackupPlace

MANIFEST, LOG = "bank/manifest.json", "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint.*\.parquet)")
Report = Callable[[str, int, int], None]
Files = dict[str, tuple[int, str]]                    # path below the bank -> bytes, sha256


def copy_out(url: str, options: Mapping[str, str], place: BackupPlace, version: int, report: Report) -> None:
    """Copy a bank on this machine as it was at `version`, while ingest goes on.

    Files of a bank never change, so that those copied before are not copied again.
    Afterwards the copy lets go of what this version does not need: texts that were
    forgotten leave the backup with the next copy.
    """
    check_is_folder(url)
    root, before, files = Path(url), _manifest(place)[1], Files()
    wanted = [*_data_files(url, options, version), *_log_files(root, version)]
    for number, path in enumerate(wanted):
        report("bank", number, len(wanted))
        try:
            n_bytes = (root / path).stat().st_size
            is_known = path in before and before[path][0] == n_bytes == place.size(f"bank/{path}")
            sha256 = before[path][1] if is_known else place.write_all(f"bank/{path}", _read(root / path))
        except FileNotFoundError:
            raise BankError(f"{path} left the bank while it was copied: it was vacuumed or something was forgotten",
                            "run the backup again") from None
        files[path] = (n_bytes, sha256)
    report("bank", len(wanted), len(wanted))
    place.write(MANIFEST, json.dumps({"version": version, "files": files}, indent=1).encode())
    for path in set(before) - set(files):
        place.remove(f"bank/{path}")


def check_can_copy_in(place: BackupPlace, url: str) -> int:
    """Return the version that would be restored; raises BankError if there is none, or if a bank is in its way."""
    check_is_folder(url)
    if not place.holds(MANIFEST):
        raise BankError(f"the backup at {place.url} has no copy of the bank", "restore without --with-bank")
    if (Path(url) / LOG).exists():
        raise BankError(f"there is a bank at {url} already", "restore into another HYPERMATCH_INGEST_BANK")
    return _manifest(place)[0]


def copy_in(place: BackupPlace, url: str, report: Report) -> None:
    """Restore the copied bank into a folder without one, each file verified; it is a bank once its log is there."""
    check_can_copy_in(place, url)
    files, root = _manifest(place)[1], Path(url)
    shutil.rmtree(root / f"{LOG}.partial", ignore_errors=True)
    for number, (path, (_, sha256)) in enumerate(files.items()):
        report("bank", number, len(files))
        target = root / (f"{LOG}.partial" + path.removeprefix(LOG) if path.startswith(LOG) else path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in place.chunks(f"bank/{path}", sha256):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    report("bank", len(files), len(files))
    (root / f"{LOG}.partial").rename(root / LOG)


def check_is_folder(url: str) -> None:
    if "://" in url:
        raise BankError(f"the bank at {url} is not a folder of this machine",
                        "copy it with its object store's own tools, and leave --with-bank out")


def _manifest(place: BackupPlace) -> tuple[int, Files]:
    if not place.holds(MANIFEST):
        return -1, {}
    try:
        told = json.loads(place.read(MANIFEST))
        return int(told["version"]), {path: (int(n_bytes), sha256) for path, (n_bytes, sha256) in told["files"].items()
                                      if _is_inside(path)}
    except (ValueError, KeyError, TypeError) as error:
        raise BankError(f"{MANIFEST} of the backup at {place.url} cannot be read: {error}",
                        "remove it and run the backup again") from error


def _is_inside(path: str) -> bool:
    """A path that leaves the bank's folder was not written by `copy_out`."""
    if path.startswith("/") or ".." in Path(path).parts:
        raise ValueError(f"{path!r} leaves the bank")
    return True


def _data_files(url: str, options: Mapping[str, str], version: int) -> list[str]:
    table = open_table(url, options, version)
    return [] if table is None else sorted(os.path.relpath(uri, Path(url).absolute()) for uri in table.file_uris())


def _log_files(root: Path, version: int) -> list[str]:
    named = [(match, file.name) for file in (root / LOG).iterdir() if (match := _COMMIT.fullmatch(file.name))]
    return sorted(f"{LOG}/{name}" for match, name in named if int(match[1]) <= version)


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            yield chunk
