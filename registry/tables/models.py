"""Runs, the model versions that they make, and the names that point at versions."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime, enum_of


class Stage(StrEnum):
    """Where a model version stands in its life."""

    CANDIDATE = "candidate"
    EVALUATED = "evaluated"
    AWAITING_APPROVAL = "awaiting approval"
    CHANGES_REQUESTED = "changes requested"           # until somebody asks for approval again
    APPROVED = "approved"
    CHAMPION = "champion"
    ARCHIVED = "archived"
    REJECTED = "rejected"


class RunState(StrEnum):
    """Where a training run stands."""

    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RunKind(StrEnum):
    """What a run makes: a model version, or proposals of classes."""

    TRAINING = "training"
    DISCOVERY = "discovery"


class AliasName(StrEnum):
    """A name that points at one version of a task."""

    CHAMPION = "champion"
    PREVIOUS = "previous"
    CHALLENGER = "challenger"
    CANARY = "canary"
    NEXT = "next"                                     # what every server prepares, to change to it together


class Run(SQLModel, table=True):
    """One run of a trainer, from its request to its outcome; the row is the claim on it."""

    __table_args__ = (
        Index("uq_run_task_active", "task", unique=True, sqlite_where=text("state = 'running'"),
              postgresql_where=text("state = 'running'")),
        Index("uq_run_task_requested", "task", unique=True, sqlite_where=text("state = 'requested'"),
              postgresql_where=text("state = 'requested'")),
        Index("ix_run_task", "task", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    state: RunState = Field(sa_type=enum_of(RunState))
    kind: RunKind = Field(default=RunKind.TRAINING, sa_type=enum_of(RunKind))
    reason: str
    actor: str = Field(max_length=200)
    worker: str = ""
    recipe: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    step: str = ""
    progress: float = 0.0
    outcome: str = ""
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON,
                                  description="What the decision rested on; `costs` are a language model's.")
    version_number: int | None = None
    requested_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ModelVersion(SQLModel, table=True):
    """A trained model: its bundle, its lineage, its measurements and where it stands."""

    __table_args__ = (
        UniqueConstraint("task", "number"),
        Index("ix_modelversion_stage", "stage", "task"),
        Index("uq_modelversion_champion", "task", unique=True, sqlite_where=text("stage = 'champion'"),
              postgresql_where=text("stage = 'champion'")),
    )

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    number: int
    stage: Stage = Field(sa_type=enum_of(Stage))
    digest: str = Field(max_length=64)
    label_space: int
    run_id: int | None = Field(default=None, foreign_key="run.id")
    requested_by: str = Field(max_length=200)
    recipe: dict[str, Any] = Field(sa_type=JSON)
    bank_version: int | None = None
    code_revision: str = ""
    n_labels: int = 0
    evaluation: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    gate: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    approved_digest: str | None = Field(default=None, max_length=64)
    approved_by: str | None = Field(default=None, max_length=200)
    was_champion: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)


class BundleSignature(SQLModel, table=True):
    """Who vouches for a bundle: a signature over its digest, and which key made it."""

    __tablename__ = "bundle_signature"

    digest: str = Field(primary_key=True, max_length=64)
    fingerprint: str = Field(primary_key=True, max_length=64, description="sha256 of the public key.")
    signature: str = Field(max_length=128)
    actor: str = Field(max_length=200)
    signed_at: datetime = Field(sa_type=UtcDateTime)


class Alias(SQLModel, table=True):
    """A name that points at a version; `generation` makes each change a compare-and-swap."""

    task: str = Field(primary_key=True, foreign_key="task.name")
    name: AliasName = Field(primary_key=True, sa_type=enum_of(AliasName))
    version_number: int
    share: float | None = Field(default=None, description="Of the requests that a canary answers.")
    from_at: datetime | None = Field(default=None, sa_type=UtcDateTime,
                                     description="By the database's clock: when servers begin to answer with it.")
    terms: dict[str, Any] | None = Field(default=None, sa_type=JSON,
                                         description="Of what is prepared: who asked, why, and until when.")
    generation: int = 1
    changed_at: datetime = Field(sa_type=UtcDateTime)
