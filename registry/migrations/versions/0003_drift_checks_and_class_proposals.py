"""Drift checks and class proposals."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)
STATES = ("proposed", "accepted", "merged", "split", "rejected", "snoozed")

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "drift_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("at", UTC_DATETIME, nullable=False),
        sa.Column("bank_version", sa.Integer(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("is_alarm", sa.Boolean(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=False),
        sa.Column("advice", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_drift_checks_task_at", "drift_checks", ["task", "at"], unique=False)
    op.create_table(
        "class_proposals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("state", sa.Enum(*STATES, name="proposalstate", native_enum=False, length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("n_texts", sa.Integer(), nullable=False),
        sa.Column("near_label", sa.String(length=200), nullable=True),
        sa.Column("cohesion", sa.Float(), nullable=False),
        sa.Column("stability", sa.Float(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("bank_version", sa.Integer(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", UTC_DATETIME, nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_class_proposals_task_state", "class_proposals", ["task", "state"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_class_proposals_task_state", "class_proposals")
    op.drop_table("class_proposals")
    op.drop_index("ix_drift_checks_task_at", "drift_checks")
    op.drop_table("drift_checks")
