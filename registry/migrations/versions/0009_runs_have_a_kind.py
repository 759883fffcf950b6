"""Runs have a kind."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
KIND = sa.Enum("training", "discovery", name="runkind", native_enum=False, length=40)


def upgrade() -> None:
    op.add_column("run", sa.Column("kind", KIND, nullable=False, server_default="training"))


def downgrade() -> None:
    op.execute("DELETE FROM run WHERE kind = 'discovery'")
    op.drop_column("run", "kind")
