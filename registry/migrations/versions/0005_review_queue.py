"""The review queue: texts that people are asked to label, and what each of them answered."""

import sqlalchemy as sa
from alembic import op

UTC_DATETIME = sa.DateTime(timezone=True)
ITEM_STATES = ("open", "disputed", "settled", "dropped")
ANSWER_STATES = ("claimed", "labeled", "skipped")

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "review_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("text_hash", sa.String(length=32), nullable=False),
        sa.Column("state", sa.Enum(*ITEM_STATES, name="reviewstate", native_enum=False, length=40), nullable=False),
        sa.Column("chosen", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("worth", sa.Float(), nullable=False),
        sa.Column("n_wanted", sa.Integer(), nullable=False),
        sa.Column("guess", sa.String(length=200), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("novelty", sa.Float(), nullable=True),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("is_new_class", sa.Boolean(), nullable=False),
        sa.Column("queued_by", sa.String(length=200), nullable=False),
        sa.Column("queued_at", UTC_DATETIME, nullable=False),
        sa.Column("settled_at", UTC_DATETIME, nullable=True),
        sa.ForeignKeyConstraint(["task"], ["task.name"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task", "text_hash"),
    )
    op.create_index("ix_review_items_task_state", "review_items", ["task", "state"], unique=False)
    op.create_table(
        "review_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("state", sa.Enum(*ANSWER_STATES, name="answerstate", native_enum=False, length=40), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("is_new_class", sa.Boolean(), nullable=False),
        sa.Column("claimed_until", UTC_DATETIME, nullable=False),
        sa.Column("answered_at", UTC_DATETIME, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("item_id", "actor"),
    )
    op.create_index("ix_review_answers_actor", "review_answers", ["actor", "state"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_review_answers_actor", "review_answers")
    op.drop_table("review_answers")
    op.drop_index("ix_review_items_task_state", "review_items")
    op.drop_table("review_items")
