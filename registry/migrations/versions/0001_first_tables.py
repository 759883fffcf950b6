"""The first tables."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "auditentry",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UTC_DATETIME, nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("interval_seconds", sa.Float(), nullable=False),
        sa.Column("says", sa.JSON(), nullable=False),
        sa.Column("seen_at", UTC_DATETIME, nullable=False),
        sa.Column("stopped_at", UTC_DATETIME, nullable=True),
        sa.PrimaryKeyConstraint("process"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("expires_at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "task",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "alias",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column(
            "name", sa.Enum("champion", "previous", name="aliasname", native_enum=False, length=40), nullable=False
        ),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("changed_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["task"],
            ["task.name"],
        ),
        sa.PrimaryKeyConstraint("task", "name"),
    )
    op.create_table(
        "labeledtext",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("text_hash", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("part", sa.Enum("train", "gate", name="part", native_enum=False, length=40), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=500), nullable=False),
        sa.Column("labeled_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["task"],
            ["task.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task", "text_hash"),
    )
    op.create_index("ix_labeledtext_task_part", "labeledtext", ["task", "part"], unique=False)

    op.create_table(
        "labelspace",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["task"],
            ["task.name"],
        ),
        sa.PrimaryKeyConstraint("task", "number"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("requested", "running", "succeeded", "failed", name="runstate", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("requested_at", UTC_DATETIME, nullable=False),
        sa.Column("started_at", UTC_DATETIME, nullable=True),
        sa.Column("seen_at", UTC_DATETIME, nullable=True),
        sa.Column("ended_at", UTC_DATETIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["task"],
            ["task.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "uq_run_task_active",
        "run",
        ["task"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "uq_run_task_requested",
        "run",
        ["task"],
        unique=True,
        sqlite_where=sa.text("state = 'requested'"),
        postgresql_where=sa.text("state = 'requested'"),
    )

    op.create_table(
        "modelversion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "candidate",
                "evaluated",
                "awaiting approval",
                "approved",
                "champion",
                "archived",
                "rejected",
                name="stage",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("label_space", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("requested_by", sa.String(length=200), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("bank_version", sa.Integer(), nullable=True),
        sa.Column("code_revision", sa.String(), nullable=False),
        sa.Column("n_labels", sa.Integer(), nullable=False),
        sa.Column("evaluation", sa.JSON(), nullable=False),
        sa.Column("gate", sa.JSON(), nullable=False),
        sa.Column("approved_digest", sa.String(length=64), nullable=True),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("was_champion", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["task"],
            ["task.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task", "number"),
    )
    op.create_index(
        "uq_modelversion_champion",
        "modelversion",
        ["task"],
        unique=True,
        sqlite_where=sa.text("stage = 'champion'"),
        postgresql_where=sa.text("stage = 'champion'"),
    )


def downgrade() -> None:
    op.drop_index("uq_modelversion_champion", "modelversion")

    op.drop_table("modelversion")
    op.drop_index("uq_run_task_requested", "run")
    op.drop_index("uq_run_task_active", "run")

    op.drop_table("run")
    op.drop_table("labelspace")
    op.drop_index("ix_labeledtext_task_part", "labeledtext")

    op.drop_table("labeledtext")
    op.drop_table("alias")
    op.drop_table("task")
    op.drop_table("lease")
    op.drop_table("heartbeat")
    op.drop_table("auditentry")
