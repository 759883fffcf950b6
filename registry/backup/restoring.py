"""Restores a backup into an empty registry: artifacts first, rows last, in one transaction."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from registry import audit
from registry.artifacts.store import ArtifactStore
from registry.backup.place import BackupPlace
from registry.backup.rows import first_filled, imported
from registry.backup.snapshot import Snapshot, folder_of
from registry.backup.taking import Report, chain_state, copy_artifacts
from registry.database import check_is_known, migrate, open_database, open_empty, write
from registry.errors import CorruptBackup, Refused


def check_can_restore(url: str, snapshot: Snapshot) -> None:
    """Refuse a registry that holds anything, and a snapshot of a release that is newer than this one."""
    check_is_known(snapshot.revision)
    with open_empty(url) as engine, engine.connect() as connection:
        if filled := first_filled(connection):
            where = engine.url.render_as_string(hide_password=True)
            raise Refused(f"the registry at {where} is not empty: table {filled} holds rows",
                          "restore into another HYPERMATCH_REGISTRY_URL")


def restore(url: str, store: ArtifactStore, place: BackupPlace, name: str, snapshot: Snapshot, *, actor: str,
            now: datetime, report: Report, between: Callable[[], None] = lambda: None) -> Engine:
    """Bring an empty registry and its artifacts to a snapshot, and return the registry at the newest revision.

    Every file is verified. Interrupted before the end, the registry is still empty, and
    restoring again copies only the artifacts that are missing. A snapshot of an earlier
    revision is restored at that revision, then migrated. `between` runs after the
    artifacts and before the rows.
    """
    check_can_restore(url, snapshot)
    copy_artifacts(place.artifacts, store, dict.fromkeys(snapshot.artifacts, f"snapshot {name}"), report)
    between()
    migrate(url, snapshot.revision)
    with open_empty(url) as engine:
        _insert_rows(engine, place, name, snapshot, report)
    migrate(url)
    engine = open_database(url)
    with write(engine) as session:
        audit.record(session, action="registry:restored", subject=name, actor=actor, now=now,
                     details={"taken_at": snapshot.taken_at.isoformat(), "release": snapshot.release})
    return engine


def _insert_rows(engine: Engine, place: BackupPlace, name: str, snapshot: Snapshot, report: Report) -> None:
    with write(engine) as session:
        for number, (table, file) in enumerate(snapshot.tables.items()):
            report("tables", number, len(snapshot.tables))
            lines = place.unpacked(f"{folder_of(name)}/{table}.jsonl.gz", file.sha256)
            imported(session.connection(), table, file.kinds, lines)
        report("tables", len(snapshot.tables), len(snapshot.tables))
        _check_chain(session, snapshot)


def _check_chain(session: Session, snapshot: Snapshot) -> None:
    """The chain must be as it was: unbroken up to the same entry, or broken where it was broken then."""
    found = chain_state(session)
    if found != snapshot.audit:
        raise CorruptBackup(f"the audit chain is not the one that was saved: {found[:80]}",
                            "restore another snapshot or another copy")
