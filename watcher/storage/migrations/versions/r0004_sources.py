"""Kinds of feeds beside RSS and Atom, what their pages said, and what an entry says is gone.

Columns are added in place, with their checks: a SQLite table that others refer to cannot be copied in a transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the table."""
    kinds = sa.CheckConstraint("kind IN ('feed', 'list', 'page', 'sitemap', 'federal-register')", name="ck_feed_kind")
    op.add_column("feed", sa.Column("kind", sa.String(16), kinds, nullable=False, server_default="feed"))
    op.add_column("feed", sa.Column("selectors", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("entry", sa.Column("removed", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "snapshot",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.CheckConstraint("changes >= 0", name="ck_snapshot_changes"),
        sa.ForeignKeyConstraint(["feed"], ["feed.id"], name="fk_snapshot_feed"),
        sa.PrimaryKeyConstraint("feed", name="pk_snapshot"),
    )
