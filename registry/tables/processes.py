"""Processes: who alone may do something, and who reports."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from registry.tables.columns import UtcDateTime


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
