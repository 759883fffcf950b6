"""Accounts, sessions, tokens and webhooks; the audit log is searched by action, actor and subject."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)
SEARCHED = ("action", "actor", "subject")

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _accounts()
    _sign_in()
    _webhooks()
    for column in SEARCHED:
        ops = {"subject": "text_pattern_ops"} if column == "subject" else {}     # searched by how it begins
        op.create_index(f"ix_auditentry_{column}", "auditentry", [column, "number"], postgresql_ops=ops)
    op.create_index("ix_run_task", "run", ["task", "id"])
    op.create_index("ix_modelversion_stage", "modelversion", ["stage", "task"])
    op.create_index("ix_labeledtext_task_label", "labeledtext", ["task", "label"])


def downgrade() -> None:
    op.drop_index("ix_labeledtext_task_label", "labeledtext")
    op.drop_index("ix_modelversion_stage", "modelversion")
    op.drop_index("ix_run_task", "run")
    for column in SEARCHED:
        op.drop_index(f"ix_auditentry_{column}", "auditentry")
    for table in ("webhook_delivery", "webhook", "console_key", "sign_in_attempts", "api_token", "console_session",
                  "invitation", "account"):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=63), nullable=True),
        sa.Column("expires_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.Column("expires_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name"),
        sa.UniqueConstraint("token_hash"),
    )


def _sign_in() -> None:
    op.create_table(
        "console_session",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=63), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.Column("seen_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id_hash"),
    )
    op.create_index("ix_console_session_account", "console_session", ["account"])
    op.create_table(
        "sign_in_attempts",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("n_failures", sa.Integer(), nullable=False),
        sa.Column("blocked_until", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "console_key",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _webhooks() -> None:
    op.create_table(
        "webhook",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("is_slack", sa.Boolean(), nullable=False),
        sa.Column("told_until", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook", sa.String(length=63), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=80), nullable=False),
        sa.Column("n_attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", UTC_DATETIME, nullable=True),
        sa.Column("delivered_at", UTC_DATETIME, nullable=True),
        sa.Column("says", sa.String(length=500), nullable=False),
        sa.Column("created_at", UTC_DATETIME, nullable=False),
        sa.ForeignKeyConstraint(["webhook"], ["webhook.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("webhook", "entry"),
    )
    op.create_index("ix_webhook_delivery_next_at", "webhook_delivery", ["next_at"])
