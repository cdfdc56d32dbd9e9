"""Feeds whose articles are read in full, the articles, and which entries have theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns in place (a table that others refer to cannot be copied), then the table."""
    for table, column in (("feed", "full_text"), ("entry", "with_article")):
        op.add_column(table, sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_entry_matched",
        "entry",
        ["seen_at"],
        sqlite_where=sa.text("matched = 1"),
        postgresql_where=sa.text("matched"),
    )
    op.create_table(
        "article",
        sa.Column("link_hash", sa.String(32), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("fetched_at", _MOMENT, nullable=False),
        sa.Column("next_at", _MOMENT, nullable=True),
        sa.CheckConstraint("result IN ('read', 'empty', 'failed')", name="ck_article_result"),
        sa.CheckConstraint("tries >= 1", name="ck_article_tries"),
        sa.CheckConstraint("result = 'failed' OR next_at IS NULL", name="ck_article_retry"),
        sa.PrimaryKeyConstraint("link_hash", name="pk_article"),
    )
