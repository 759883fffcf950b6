"""The migrations make the very tables that the code knows, and can be taken back."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel

import registry.accounts.tables
import registry.tables
import registry.watching.tables
import registry.webhooks.tables  # noqa: F401  the tables register themselves in the metadata
from registry.database import alembic_config


def test_the_tables_are_those_of_the_migrations(any_engine):
    with any_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_every_migration_can_be_taken_back_and_made_again(any_engine):
    config = alembic_config()
    with any_engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "head")
