"""Prompts are versioned, and their measured quality is kept."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "prompt",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("use", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("saved_at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
        sa.UniqueConstraint("name", "digest"),
    )
    op.create_table(
        "promptquality",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("language_model", sa.String(length=200), nullable=False),
        sa.Column("n_labels", sa.Integer(), nullable=False),
        sa.Column("accuracy", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("measured_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(["prompt", "version"], ["prompt.name", "prompt.version"]),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_promptquality_task", "promptquality", ["task"])


def downgrade() -> None:
    op.drop_index("ix_promptquality_task", "promptquality")

    op.drop_table("promptquality")
    op.drop_table("prompt")
