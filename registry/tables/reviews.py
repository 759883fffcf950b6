"""Texts that people are asked to label, and what each person answered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime, enum_of


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


class ReviewItem(SQLModel, table=True):
    """A text worth a person's minute, why it is, and what came of it."""

    __tablename__ = "review_items"
    __table_args__ = (UniqueConstraint("task", "text_hash"), Index("ix_review_items_task_state", "task", "state"))

    id: int | None = Field(default=None, primary_key=True)
    task: str = Field(foreign_key="task.name")
    text: str
    text_hash: str = Field(max_length=32)
    state: ReviewState = Field(sa_type=enum_of(ReviewState))
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
    state: AnswerState = Field(sa_type=enum_of(AnswerState))
    label: str | None = Field(default=None, max_length=200)
    is_new_class: bool = False
    claimed_until: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
