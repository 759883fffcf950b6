"""Proposals have parents and labels."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TABLE, PARENT = "class_proposals", "fk_class_proposals_parent"


def upgrade() -> None:
    with op.batch_alter_table(TABLE) as table:
        table.add_column(sa.Column("parent_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("label", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
        table.create_foreign_key(PARENT, TABLE, ["parent_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table(TABLE) as table:
        table.drop_constraint(PARENT, type_="foreignkey")
        for column in ("snoozed_until", "label", "parent_id"):
            table.drop_column(column)
