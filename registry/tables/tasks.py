"""Tasks, their numbered label spaces, and the human labels of their texts."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime, enum_of


class Part(StrEnum):
    """What a label is for: `gate` labels judge candidates and are never trained on."""

    TRAIN = "train"
    GATE = "gate"


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
    part: Part = Field(sa_type=enum_of(Part))
    actor: str = Field(max_length=200)
    origin: str = Field(max_length=500, description="Where the label came from, such as a file name.")
    labeled_at: datetime = Field(sa_type=UtcDateTime)
