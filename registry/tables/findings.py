"""What was found in the traffic: looks for drift, and classes that are proposed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime, enum_of


class ProposalState(StrEnum):
    """Where a proposed class stands."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    MERGED = "merged"
    SPLIT = "split"
    REJECTED = "rejected"
    SNOOZED = "snoozed"


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
    state: ProposalState = Field(sa_type=enum_of(ProposalState))
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
