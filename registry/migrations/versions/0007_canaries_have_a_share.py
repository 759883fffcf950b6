"""Canaries have a share."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("alias", sa.Column("share", sa.Float(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM alias WHERE name IN ('challenger', 'canary')")
    op.drop_column("alias", "share")
