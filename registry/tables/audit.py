"""The audit log's entries."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime


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
