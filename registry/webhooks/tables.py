"""The tables of webhooks: where to send, and every delivery."""

from datetime import datetime

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables import UtcDateTime


class Webhook(SQLModel, table=True):
    """An address that hears of events; `told_until` is the last audit entry it was told of."""

    name: str = Field(primary_key=True, max_length=63)
    url: str = Field(max_length=500)
    secret: str = Field(max_length=100)
    events: list[str] = Field(sa_type=JSON)
    is_slack: bool = False
    told_until: int
    created_by: str = Field(max_length=200)
    created_at: datetime = Field(sa_type=UtcDateTime)


class WebhookDelivery(SQLModel, table=True):
    """One audit entry for one webhook, until it is delivered or given up."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (UniqueConstraint("webhook", "entry"), Index("ix_webhook_delivery_next_at", "next_at"))

    id: int | None = Field(default=None, primary_key=True)
    webhook: str = Field(foreign_key="webhook.name", ondelete="CASCADE", max_length=63)
    entry: int
    event: str = Field(max_length=80)
    n_attempts: int = 0
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="None: delivered or given up.")
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    says: str = Field(default="", max_length=500, description="What the last attempt met.")
    created_at: datetime = Field(sa_type=UtcDateTime)
