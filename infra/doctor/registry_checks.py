"""What the doctor checks in the registry: revision, audit chain, champions, artifacts, silent processes, stale runs."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import col, select

from infra.doctor.finding import Check, Ill
from registry import audit, heartbeats
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.database import read, revision
from registry.lifecycle.aliases import alias_of
from registry.lifecycle.stages import name_of
from registry.tables import AliasName, ModelVersion, Run, RunState, Stage
from registry.tasks import list_tasks

SILENT_RUN = timedelta(minutes=10)


def registry_checks(engine: Engine, store: ArtifactStore, now: datetime) -> list[tuple[str, Check]]:
    return [
        ("database", lambda: f"at revision {revision(engine)}"),
        ("audit chain", lambda: check_audit_chain(engine)),
        ("champions", lambda: check_champions(engine)),
        ("artifacts", lambda: check_artifacts(engine, store)),
        ("processes", lambda: check_processes(engine, now)),
        ("runs", lambda: check_runs(engine, now)),
    ]


def check_audit_chain(engine: Engine) -> str:
    with read(engine) as session:
        return f"{audit.verify_chain(session):,} entries, unbroken"


def check_champions(engine: Engine) -> str:
    """Each task has at most one champion, and its alias names it."""
    with read(engine) as session:
        query = select(ModelVersion).where(ModelVersion.stage == Stage.CHAMPION)
        champions = list(session.exec(query))
        several = [task for task, n in Counter(version.task for version in champions).items() if n > 1]
        if several:
            raise Ill(f"task {several[0]} has several champions", "restore the registry from a backup")
        for version in champions:
            alias = alias_of(session, version.task, AliasName.CHAMPION)
            if alias is None or alias.version_number != version.number:
                named = "nothing" if alias is None else f"v{alias.version_number}"
                raise Ill(f"{name_of(version)} is champion, but the alias names {named}",
                          f"`hypermatch models rollback {version.task}` sets both")
        return f"{len(champions)} of {len(list_tasks(session))} tasks have one"


def check_artifacts(engine: Engine, store: ArtifactStore) -> str:
    """Every version that may be served has its bytes as they were stored."""
    with read(engine) as session:
        query = select(ModelVersion.digest).where(col(ModelVersion.stage) != Stage.REJECTED).distinct()
        digests = list(session.exec(query))
    for digest in digests:
        load_bundle(store, digest)
    return f"{len(digests)} verified"


def check_processes(engine: Engine, now: datetime) -> str:
    with read(engine) as session:
        silent = heartbeats.silent(session, now)
        if silent:
            first = silent[0]
            ago = int((now - first.seen_at).total_seconds())
            raise Ill(f"{first.kind} {first.process} stopped reporting {ago} s ago",
                      "see its log and start it again")
        live = heartbeats.live(session, now)
    return f"{len(live)} report: {', '.join(sorted(f'{beat.kind} {beat.process}' for beat in live)) or 'none'}"


def check_runs(engine: Engine, now: datetime) -> str:
    with read(engine) as session:
        running = list(session.exec(select(Run).where(Run.state == RunState.RUNNING)))
    for run in running:
        if run.seen_at is not None and now - run.seen_at > SILENT_RUN:
            raise Ill(f"run {run.id} of {run.task} has been silent since {run.seen_at:%H:%M}",
                      "start `hypermatch trainer run`: it gives up stale runs and starts anew")
    return f"{len(running)} in progress"
