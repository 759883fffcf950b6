"""Takes a backup while everything runs: the rows of one moment, then the artifacts that they name."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version

from sqlalchemy import Connection, Engine, Table, select
from sqlmodel import Session

from registry import audit
from registry.artifacts.store import ArtifactStore
from registry.backup.place import BackupPlace
from registry.backup.rows import LEFT_OUT, exported, kept_tables, kinds
from registry.backup.snapshot import BankReference, Snapshot, TableFile, folder_of, name_of
from registry.database import newest_revision, reachable
from registry.errors import CorruptArtifact, NotFound, RegistryError
from registry.tables import AuditEntry, ModelVersion, Stage

PACKED_LINES = 1_000
Report = Callable[[str, int, int], None]              # step, done, of how many


def take_backup(engine: Engine, store: ArtifactStore, place: BackupPlace, save_bank: Callable[[], BankReference], *,
                now: datetime, report: Report) -> tuple[str, Snapshot]:
    """Write one snapshot below `place` and return it with its name.

    The rows are those of one transaction. Artifacts never change and are stored before
    a row names them, so that those copied afterwards are those of that moment. What an
    earlier or an interrupted backup copied is not copied again. The bank is looked at
    last, so that it holds every bank version that a row names. The snapshot counts once
    `snapshot.json` is there, which is written last of all.
    """
    name = name_of(now)
    with _one_moment(engine) as connection:
        tables = _write_tables(connection, place, folder_of(name), report)
        digests = _digests(connection)
        chain = chain_state(Session(bind=connection))
    copy_artifacts(store, place.artifacts, digests, report)
    bank = save_bank()
    snapshot = Snapshot(taken_at=now, release=version("hypermatch"), revision=str(newest_revision()), tables=tables,
                        artifacts=list(digests), bank=bank, audit=chain, left_out=LEFT_OUT)
    place.write(f"{folder_of(name)}/snapshot.json", snapshot.model_dump_json(indent=1).encode())
    return name, snapshot


def copy_artifacts(source: ArtifactStore, target: ArtifactStore, digests: dict[str, str], report: Report) -> None:
    """Copy what `target` does not hold; each is verified as it is read. `digests` says who needs it, for errors."""
    for number, (digest, needed_by) in enumerate(digests.items()):
        report("artifacts", number, len(digests))
        if target.holds(digest):
            continue
        try:
            found = source.load(digest)
        except (CorruptArtifact, NotFound) as error:
            raise type(error)(f"{needed_by} cannot be copied: {error.what}",
                              "mend it, or reject the version") from error
        if target.store(found.files, found.facts) != digest:
            raise CorruptArtifact(f"artifact {digest[:12]} of {needed_by} was written by another form of manifest")
    report("artifacts", len(digests), len(digests))


def chain_state(session: Session) -> str:
    """Return the hash of the newest audit entry, or where the chain breaks."""
    try:
        n_entries = audit.verify_chain(session)
    except RegistryError as error:
        return error.what
    newest = session.get(AuditEntry, n_entries) if n_entries else None
    return audit.GENESIS if newest is None else newest.hash


@contextmanager
def _one_moment(engine: Engine) -> Iterator[Connection]:
    """Open a transaction whose every query sees the same moment, while others write."""
    isolation = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with reachable(engine.url), engine.connect().execution_options(**isolation) as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection


def _write_tables(connection: Connection, place: BackupPlace, folder: str, report: Report) -> dict[str, TableFile]:
    tables = kept_tables()
    written = {}
    for number, table in enumerate(tables):
        report("tables", number, len(tables))
        written[table.name] = _write_table(connection, table, place, f"{folder}/{table.name}.jsonl.gz")
    return written


def _write_table(connection: Connection, table: Table, place: BackupPlace, file: str) -> TableFile:
    counted = Counted(exported(connection, table))
    sha256 = place.write_all(file, packed(counted))
    return TableFile(n_rows=counted.n, sha256=sha256, kinds=kinds(table))


class Counted:
    """Passes lines on and counts them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines, self.n = lines, 0

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.n += 1
            yield line


def packed(lines: Iterable[str]) -> Iterator[bytes]:
    """Yield a gzip file of the lines, piece by piece; it says nothing of when it was made."""
    packer, held = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS), []
    for line in lines:
        held.append(line)
        if len(held) == PACKED_LINES:
            yield packer.compress("".join(held).encode())
            held = []
    yield packer.compress("".join(held).encode()) + packer.flush()


def _digests(connection: Connection) -> dict[str, str]:
    """Return the digest of each version that may ever be served, with the name of one that has it."""
    table = ModelVersion.__table__                    # type: ignore[attr-defined]
    query = (select(table.c.digest, table.c.task, table.c.number).where(table.c.stage != Stage.REJECTED)
             .order_by(table.c.task, table.c.number))
    return {digest: f"{task} v{number}" for digest, task, number in connection.execute(query)}
