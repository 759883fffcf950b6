"""Runs the migrations on the connection that `registry.database.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import registry.accounts.tables
import registry.tables
import registry.watching.tables
import registry.webhooks.tables  # noqa: F401  the tables register themselves in the metadata

connection = context.config.attributes.get("connection")
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
