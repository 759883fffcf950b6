"""Flips are coordinated."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("alias", sa.Column("from_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alias", sa.Column("terms", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM alias WHERE name = 'next'")
    op.drop_column("alias", "terms")
    op.drop_column("alias", "from_at")
