"""What a snapshot says of itself; it is written last, so that a snapshot that has it is whole."""

import re
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from registry.backup.place import BackupPlace
from registry.errors import CorruptBackup, NotFound

FORMAT = 1
_NAME = re.compile(r"[0-9TZ.-]{8,40}")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableFile(_Frozen):
    """The rows of one table."""

    n_rows: int
    sha256: str
    kinds: dict[str, str]


class BankReference(_Frozen):
    """Where the data bank was, and which version was its newest; `None`: nothing was banked."""

    url: str
    version: int | None


class Snapshot(_Frozen):
    """The registry at one moment: its revision, its rows, the artifacts they name, the bank beside it."""

    format: int = FORMAT
    taken_at: datetime
    release: str
    revision: str
    tables: dict[str, TableFile]
    artifacts: list[str]
    bank: BankReference
    audit: str                                        # the hash of the newest entry, or where the chain breaks
    left_out: dict[str, str]


def name_of(taken_at: datetime) -> str:
    return taken_at.strftime("%Y-%m-%dT%H-%M-%S.%fZ")


def folder_of(name: str) -> str:
    return f"snapshots/{name}"


def read_snapshot(place: BackupPlace, name: str | None = None) -> tuple[str, Snapshot]:
    """Return the snapshot of that name, the newest if None; raises NotFound or CorruptBackup."""
    names = place.snapshots()
    if not names:
        raise NotFound(f"there is no backup at {place.url}", "name the place that `hypermatch backup` wrote to")
    name = name or names[-1]
    if name not in names or not _NAME.fullmatch(name):
        raise NotFound(f"the backup at {place.url} has no snapshot {name[:80]!r}", f"its newest is {names[-1]}")
    try:
        return name, Snapshot.model_validate_json(place.read(f"{folder_of(name)}/snapshot.json"))
    except ValidationError as error:
        first = error.errors()[0]
        raise CorruptBackup(f"snapshot {name} cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                            "restore another snapshot, or with the release that took it") from error
