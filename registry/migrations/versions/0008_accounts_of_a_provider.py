"""Accounts may belong to a provider and be disabled."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("account", sa.Column("issuer", sa.String(length=300), nullable=True))
    op.add_column("account", sa.Column("subject", sa.String(length=255), nullable=True))
    op.add_column("account", sa.Column("disabled_at", UTC_DATETIME, nullable=True))
    op.create_index("uq_account_subject", "account", ["issuer", "subject"], unique=True)
    op.create_table(
        "provider_sign_in",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=100), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("wanted", sa.String(length=500), nullable=False),
        sa.Column("expires_at", UTC_DATETIME, nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
    )


def downgrade() -> None:
    op.drop_table("provider_sign_in")
    op.drop_index("uq_account_subject", "account")
    for column in ("disabled_at", "subject", "issuer"):
        op.drop_column("account", column)
