"""The tables of what people watch; all of it is bounded, and none of it is what anything rests on."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index
from sqlmodel import Field, SQLModel

from registry.tables import UtcDateTime


class RunLine(SQLModel, table=True):
    """One line that a run logged."""

    __tablename__ = "run_lines"
    __table_args__ = (Index("ix_run_lines_run_id", "run_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id")
    at: datetime = Field(sa_type=UtcDateTime)
    level: str = Field(max_length=10)
    says: str = Field(max_length=500)


class DeadLetterNote(SQLModel, table=True):
    """That a message could not be read, and why; its bytes stay in Kafka, since nothing in them is masked."""

    __tablename__ = "dead_letter_notes"
    __table_args__ = (Index("ix_dead_letter_notes_at", "at"),)

    topic: str = Field(primary_key=True, max_length=250)
    partition: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    offset: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    reason: str = Field(max_length=300)
    n_bytes: int
    at: datetime = Field(sa_type=UtcDateTime)


class DiscoveryMap(SQLModel, table=True):
    """Where the texts lay that the newest discovery of a task looked at."""

    __tablename__ = "discovery_maps"

    task: str = Field(primary_key=True, foreign_key="task.name")
    at: datetime = Field(sa_type=UtcDateTime)
    bank_version: int
    version_number: int
    n_texts: int = Field(description="Candidates that there were; `points` are at most MAX_POINTS of them.")
    points: list[dict[str, Any]] = Field(sa_type=JSON)


class DiscoveryRequest(SQLModel, table=True):
    """That somebody wants the trainer to look for new classes of a task now."""

    __tablename__ = "discovery_requests"

    task: str = Field(primary_key=True, foreign_key="task.name")
    actor: str = Field(max_length=200)
    reason: str
    at: datetime = Field(sa_type=UtcDateTime)


class BankDay(SQLModel, table=True):
    """How many texts of a task the bank holds of one day."""

    __tablename__ = "bank_days"

    task: str = Field(primary_key=True, foreign_key="task.name")
    day: date = Field(primary_key=True)
    n_texts: int
