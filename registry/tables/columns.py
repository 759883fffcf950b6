"""Kinds of columns that every table uses, on SQLite and PostgreSQL alike."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import Dialect
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.types import TypeDecorator


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


def enum_of(kind: type[StrEnum]) -> SqlEnum:
    """Store the value, not the name, and as text: adding a stage needs no ALTER TYPE."""
    return SqlEnum(kind, values_callable=lambda members: [member.value for member in members],
                   native_enum=False, length=40)
