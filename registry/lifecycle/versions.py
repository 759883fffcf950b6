"""Model versions: registering a candidate, its evaluation and its gate, and finding versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import NotFound
from registry.lifecycle.stages import move, name_of
from registry.signing import Signer
from registry.tables import ModelVersion, Stage
from registry.tasks import get_task

TRAINER = "trainer"                                   # the actor of moves that no person makes


def register_candidate(session: Session, task: str, *, digest: str, label_space: int, run_id: int | None,
                       requested_by: str, recipe: dict[str, Any], bank_version: int | None, code_revision: str,
                       n_labels: int, now: datetime, signer: Signer | None = None) -> ModelVersion:
    """Give a stored bundle the task's next version number, as a candidate, and sign it if there is a key."""
    get_task(session, task)
    newest = session.exec(select(func.max(ModelVersion.number)).where(ModelVersion.task == task)).one()
    version = ModelVersion(task=task, number=(newest or 0) + 1, stage=Stage.CANDIDATE, digest=digest,
                           label_space=label_space, run_id=run_id, requested_by=requested_by, recipe=recipe,
                           bank_version=bank_version, code_revision=code_revision, n_labels=n_labels, created_at=now)
    session.add(version)
    session.flush()
    signed = {}
    if signer is not None:
        signer.sign(session, digest, actor=TRAINER, now=now)
        signed = {"signed_with": signer.fingerprint}
    audit.record(session, action="model:registered", subject=name_of(version), actor=TRAINER, now=now,
                 details={"digest": digest, "run": run_id, "requested_by": requested_by, "n_labels": n_labels} | signed)
    return version


def record_evaluation(session: Session, version: ModelVersion, evaluation: dict[str, Any], *, now: datetime) -> None:
    """Keep what was measured on the gate set."""
    version = get_version(session, version.task, version.number)
    version.evaluation = evaluation
    move(session, version, Stage.EVALUATED, actor=TRAINER, reason="measured on the gate set", now=now)


def record_gate(session: Session, version: ModelVersion, gate: dict[str, Any], *, now: datetime) -> None:
    """Keep the gate's decision: a version that passed awaits approval, a refused one is rejected with its reasons."""
    version = get_version(session, version.task, version.number)
    version.gate = gate
    to = Stage.AWAITING_APPROVAL if gate["passed"] else Stage.REJECTED
    move(session, version, to, actor="gate", reason="; ".join(gate["reasons"]), now=now)


def get_version(session: Session, task: str, number: int) -> ModelVersion:
    """Return a version; raises NotFound naming the newest."""
    query = select(ModelVersion).where(ModelVersion.task == task, ModelVersion.number == number)
    found = session.exec(query.with_for_update()).first()
    if found is None:
        get_task(session, task)
        newest = latest_version(session, task)
        raise NotFound(f"{task} has no version {number}",
                       "it has none yet" if newest is None else f"its newest is {newest.number}")
    return found


def list_versions(session: Session, task: str) -> list[ModelVersion]:
    """Return the versions of a task, newest first."""
    get_task(session, task)
    query = select(ModelVersion).where(ModelVersion.task == task).order_by(col(ModelVersion.number).desc())
    return list(session.exec(query))


def champion_of(session: Session, task: str) -> ModelVersion | None:
    query = select(ModelVersion).where(ModelVersion.task == task, ModelVersion.stage == Stage.CHAMPION)
    return session.exec(query).first()


def latest_version(session: Session, task: str) -> ModelVersion | None:
    query = select(ModelVersion).where(ModelVersion.task == task).order_by(col(ModelVersion.number).desc())
    return session.exec(query.limit(1)).first()


def versions_trained_since(session: Session, bank_version: int) -> list[ModelVersion]:
    """Return the versions whose bank version is `bank_version` or later: those that may hold its rows."""
    query = select(ModelVersion).where(col(ModelVersion.bank_version) >= bank_version)
    return list(session.exec(query.order_by(col(ModelVersion.task), col(ModelVersion.number))))
