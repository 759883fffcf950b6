"""The rows of the registry in a form that SQLite and PostgreSQL both take back; secrets stay where they are."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import JSON, Connection, MetaData, Table, func, select, text
from sqlalchemy import DateTime as SqlDateTime
from sqlmodel import SQLModel

import registry.accounts.tables
import registry.tables
import registry.watching.tables
import registry.webhooks.tables  # noqa: F401  the tables register themselves in the metadata
from registry.tables import UtcDateTime

LEFT_OUT = {                                          # table -> why no backup holds it
    "invitation": "one-time links",
    "console_session": "who is signed in",
    "api_token": "keys of programs",
    "sign_in_attempts": "holds only for minutes",
    "provider_sign_in": "holds only for minutes, and secrets",
    "bank_days": "counted from the bank anew",
    "console_key": "the key that signs cookies; a console without one makes another",
    "webhook": "its secret, and addresses that are secrets themselves",
    "webhook_delivery": "belongs to a webhook",
    "lease": "who worked when the snapshot was taken",
    "heartbeat": "which processes ran when the snapshot was taken",
}
BLANKED = {("account", "password_hash")}              # a restored person sets a password by a new link
BATCH_ROWS = 1_000


def kept_tables() -> list[Table]:
    """Return the tables that a backup holds, each after those that it refers to."""
    return [table for table in SQLModel.metadata.sorted_tables if table.name not in LEFT_OUT]


def kinds(table: Table) -> dict[str, str]:
    """Return what each column holds: `moment`, `json` or `plain`."""
    return {column.name: _kind(column.type) for column in table.columns}


def exported(connection: Connection, table: Table) -> Iterator[str]:
    """Yield the rows of a table as lines of JSON, in the order of its key, without holding them all."""
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=BATCH_ROWS)
    for row in connection.execute(query).mappings():
        yield json.dumps({name: None if (table.name, name) in BLANKED else _portable(value)
                          for name, value in row.items()}, ensure_ascii=False) + "\n"


def imported(connection: Connection, name: str, column_kinds: Mapping[str, str], lines: Iterable[str]) -> int:
    """Insert lines that `exported` wrote into the table as it is now; return how many."""
    table = Table(name, MetaData(), autoload_with=connection, resolve_fks=False)
    n_rows, batch = 0, []
    for line in lines:
        batch.append({column: _native(value, column_kinds[column]) for column, value in json.loads(line).items()})
        if len(batch) == BATCH_ROWS:
            n_rows += _insert(connection, table, batch)
            batch = []
    n_rows += _insert(connection, table, batch) if batch else 0
    _continue_numbering(connection, table)
    return n_rows


def first_filled(connection: Connection) -> str | None:
    """Return the name of a table that holds rows; None for an empty registry."""
    there = MetaData()
    there.reflect(connection)
    names = sorted(set(there.tables) - {"alembic_version"})
    return next((name for name in names if connection.execute(select(text("1")).select_from(there.tables[name])
                                                              .limit(1)).first()), None)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    connection.execute(table.insert(), rows)
    return len(rows)


def _continue_numbering(connection: Connection, table: Table) -> None:
    """Have PostgreSQL number new rows after those that came with their numbers; SQLite does so by itself."""
    keys = list(table.primary_key.columns)
    if connection.dialect.name != "postgresql" or [key.name for key in keys] != ["id"]:
        return
    highest = connection.execute(select(func.max(keys[0]))).scalar()
    if highest is not None:
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :highest)"),
                           {"name": table.name, "highest": highest})


def _kind(type_: Any) -> str:
    if isinstance(type_, UtcDateTime | SqlDateTime):
        return "moment"
    return "json" if isinstance(type_, JSON) else "plain"


def _portable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _native(value: Any, kind: str) -> Any:
    return datetime.fromisoformat(value) if kind == "moment" and value is not None else value
