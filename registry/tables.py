"""The tables of the registry, on SQLite and PostgreSQL alike."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Dialect, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite, which has none, stores it without its zone."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _enum(kind: type[StrEnum]) -> SqlEnum:
    """Store the value, not the name, and as text: adding a stage needs no ALTER TYPE."""
    return SqlEnum(kind, values_callable=lambda members: [member.value for member in members],
                   native_enum=False, length=40)


class Part(StrEnum):
    """What a label is for: `gate` labels judge candidates and are never trained on."""

    TRAIN = "train"
    GATE = "gate"


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


class ProposalState(StrEnum):
    """Where a proposed class stands."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    MERGED = "merged"
    SPLIT = "split"
    REJECTED = "rejected"
    SNOOZED = "snoozed"


class ReviewState(StrEnum):
    """Where a text stands that people are asked to label."""

    OPEN = "open"
    DISPUTED = "disputed"                             # people gave it different labels; one more person decides
    SETTLED = "settled"
    DROPPED = "dropped"                               # nobody could tell


class AnswerState(StrEnum):
    """What one person did with a text."""

    CLAIMED = "claimed"
    LABELED = "labeled"
    SKIPPED = "skipped"


class Task(SQLModel, table=True):
    """A question asked of each text, such as its intent."""

    name: str = Field(primary_key=True, max_length=63)
    description: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)


class LabelSpace(SQLModel, table=True):
    """The ordered labels of a task; a changed set is a new number."""

    task: str = Field(primary_key=True, foreign_key="task.name")
    number: int = Field(primary_key=True)
    labels: list[str] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)


class LabeledText(SQLModel, table=True):
    """A human label: who gave it, when, from where. One text has one label in one part of a task."""

    __table_args__ = (UniqueConstraint("task", "text_hash"), Index("ix_labeledtext_task_part", "task", "part"),
                      Index("ix_labeledtext_task_label", "task", "label"))

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    text: str
    text_hash: str = Field(max_length=32)
    label: str = Field(max_length=200)
    part: Part = Field(sa_type=_enum(Part))
    actor: str = Field(max_length=200)
    origin: str = Field(max_length=500, description="Where the label came from, such as a file name.")
    labeled_at: datetime = Field(sa_type=UtcDateTime)


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
    state: RunState = Field(sa_type=_enum(RunState))
    kind: RunKind = Field(default=RunKind.TRAINING, sa_type=_enum(RunKind))
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
    stage: Stage = Field(sa_type=_enum(Stage))
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
    name: AliasName = Field(primary_key=True, sa_type=_enum(AliasName))
    version_number: int
    share: float | None = Field(default=None, description="Of the requests that a canary answers.")
    from_at: datetime | None = Field(default=None, sa_type=UtcDateTime,
                                     description="By the database's clock: when servers begin to answer with it.")
    terms: dict[str, Any] | None = Field(default=None, sa_type=JSON,
                                         description="Of what is prepared: who asked, why, and until when.")
    generation: int = 1
    changed_at: datetime = Field(sa_type=UtcDateTime)


class Prompt(SQLModel, table=True):
    """One version of a language model's prompt; changed words are a new version, the same words never are."""

    __table_args__ = (UniqueConstraint("name", "digest"),)

    name: str = Field(primary_key=True, max_length=63)
    version: int = Field(primary_key=True)
    use: str = Field(max_length=20)
    language: str = Field(max_length=20)
    digest: str = Field(max_length=64)
    spec: dict[str, Any] = Field(sa_type=JSON)
    actor: str = Field(max_length=200)
    saved_at: datetime = Field(sa_type=UtcDateTime)


class PromptQuality(SQLModel, table=True):
    """How well one version of a prompt finds the human train labels of a task with one language model."""

    __table_args__ = (ForeignKeyConstraint(["prompt", "version"], ["prompt.name", "prompt.version"]),
                      Index("ix_promptquality_task", "task"))

    id: int | None = Field(default=None, primary_key=True)
    prompt: str = Field(max_length=63)
    version: int
    task: str = Field(foreign_key="task.name")
    language_model: str = Field(max_length=200)
    n_labels: int
    accuracy: float
    low: float
    high: float
    details: dict[str, Any] = Field(sa_type=JSON, description="Sensitivity to order and label words, and the costs.")
    actor: str = Field(max_length=200)
    measured_at: datetime = Field(sa_type=UtcDateTime)


class DriftCheck(SQLModel, table=True):
    """One look at a window of the bank: what was found, what was advised, and the run that came of it."""

    __tablename__ = "drift_checks"
    __table_args__ = (Index("ix_drift_checks_task_at", "task", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    at: datetime = Field(sa_type=UtcDateTime)
    bank_version: int
    version_number: int = Field(description="The model version whose answers were looked at.")
    is_alarm: bool
    p_value: float
    advice: str = Field(max_length=40)
    reason: str
    report: dict[str, Any] = Field(sa_type=JSON)
    run_id: int | None = Field(default=None, foreign_key="run.id")


class ClassProposal(SQLModel, table=True):
    """Texts of the bank that look like a class of their own, until a person decides."""

    __tablename__ = "class_proposals"
    __table_args__ = (Index("ix_class_proposals_task_state", "task", "state"),)

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    state: ProposalState = Field(sa_type=_enum(ProposalState))
    name: str = Field(max_length=200)
    n_texts: int
    near_label: str | None = Field(default=None, max_length=200, description="The known label it may belong to.")
    cohesion: float
    stability: float
    findings: dict[str, Any] = Field(sa_type=JSON, description="Key terms, exemplars, boundary texts, trend.")
    bank_version: int
    version_number: int
    parent_id: int | None = Field(default=None, foreign_key="class_proposals.id", description="What it was split from.")
    label: str | None = Field(default=None, max_length=200, description="The class that its texts went to.")
    created_at: datetime = Field(sa_type=UtcDateTime)
    snoozed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = Field(default=None, max_length=200)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision_reason: str = ""


class ReviewItem(SQLModel, table=True):
    """A text worth a person's minute, why it is, and what came of it."""

    __tablename__ = "review_items"
    __table_args__ = (UniqueConstraint("task", "text_hash"), Index("ix_review_items_task_state", "task", "state"))

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    text: str
    text_hash: str = Field(max_length=32)
    state: ReviewState = Field(sa_type=_enum(ReviewState))
    chosen: str = Field(max_length=40, description="How: uncertainty, novelty, disagreement, drift, random.")
    why: str
    worth: float = Field(description="The most worth is asked first.")
    n_wanted: int = Field(description="People who must agree.")
    guess: str | None = Field(default=None, max_length=200, description="The label that a model version gave it.")
    confidence: float | None = None
    novelty: float | None = None
    version_number: int | None = Field(default=None, description="The model version that guessed.")
    label: str | None = Field(default=None, max_length=200)
    is_new_class: bool = Field(default=False, description="`label` is no label of the task yet.")
    queued_by: str = Field(max_length=200)
    queued_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ReviewAnswer(SQLModel, table=True):
    """What one person did with one text; until it is answered, the row is the person's claim on it."""

    __tablename__ = "review_answers"
    __table_args__ = (UniqueConstraint("item_id", "actor"), Index("ix_review_answers_actor", "actor", "state"))

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="review_items.id")
    actor: str = Field(max_length=200)
    state: AnswerState = Field(sa_type=_enum(AnswerState))
    label: str | None = Field(default=None, max_length=200)
    is_new_class: bool = False
    claimed_until: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Lease(SQLModel, table=True):
    """Who alone may do something until when; `token` grows with every new holder."""

    name: str = Field(primary_key=True, max_length=200)
    holder: str = Field(max_length=200)
    token: int = 1
    expires_at: datetime = Field(sa_type=UtcDateTime)


class Heartbeat(SQLModel, table=True):
    """A process that reports, how often it promised to, and what it says of itself."""

    process: str = Field(primary_key=True, max_length=200)
    kind: str = Field(max_length=40)
    interval_seconds: float
    says: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AuditEntry(SQLModel, table=True):
    """One thing that happened; each entry carries the hash of the one before."""

    __table_args__ = (CheckConstraint("number >= 1"), Index("ix_auditentry_action", "action", "number"),
                      Index("ix_auditentry_actor", "actor", "number"),
                      Index("ix_auditentry_subject", "subject", "number",
                            postgresql_ops={"subject": "text_pattern_ops"}))

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=200)
    action: str = Field(max_length=80)
    subject: str = Field(max_length=300)
    reason: str = ""
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)
