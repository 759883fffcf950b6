"""A language model's prompts, and how well each was measured."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime


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
