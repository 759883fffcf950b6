"""Lines of runs, notes of dead letters, maps and requests of discoveries and the bank's days are kept for people."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "run_lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("at", UTC_DATETIME, nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("says", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_run_lines_run_id", "run_lines", ["run_id", "id"])
    op.create_table(
        "dead_letter_notes",
        sa.Column("topic", sa.String(length=250), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("n_bytes", sa.Integer(), nullable=False),
        sa.Column("at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "offset"),
    )
    op.create_index("ix_dead_letter_notes_at", "dead_letter_notes", ["at"])
    op.create_table(
        "discovery_maps",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("at", UTC_DATETIME, nullable=False),
        sa.Column("bank_version", sa.Integer(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("n_texts", sa.Integer(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("task"),
    )
    op.create_table(
        "discovery_requests",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("task"),
    )
    op.create_table(
        "bank_days",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n_texts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("task", "day"),
    )


def downgrade() -> None:
    for table in ("bank_days", "discovery_requests", "discovery_maps", "dead_letter_notes", "run_lines"):
        op.drop_table(table)
