"""Entries that were edited: what they said before, which text evidence was read in, and what no longer holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns in place (a table that others refer to cannot be copied), then the tables."""
    _extend("entry", "ck_entry_revision")
    op.add_column("entry", sa.Column("revised_at", _MOMENT, nullable=True))
    for name in ("text_hash", "content_hash", "other_hash"):
        op.add_column("entry", sa.Column(name, sa.String(32), nullable=True))
    for name, column in (("ix_entry_content", "content_hash"), ("ix_entry_other", "other_hash")):
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "entry", ["feed", column], sqlite_where=given, postgresql_where=given)
    _extend("evidence", "ck_evidence_revision")
    op.create_table(
        "revision",
        sa.Column("entry", _ROW_ID, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.String(32), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.CheckConstraint("n >= 0", name="ck_revision_n"),
        sa.ForeignKeyConstraint(["entry"], ["entry.id"], name="fk_revision_entry"),
        sa.PrimaryKeyConstraint("entry", "n", name="pk_revision"),
    )
    op.create_table(
        "withdrawal",
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint("revision >= 1", name="ck_withdrawal_revision"),
        sa.ForeignKeyConstraint(["evidence"], ["evidence.id"], name="fk_withdrawal_evidence"),
        sa.PrimaryKeyConstraint("evidence", name="pk_withdrawal"),
    )


def _extend(table: str, check: str) -> None:
    column = sa.Column(
        "revision",
        sa.Integer(),
        sa.CheckConstraint("revision >= 0", name=check),
        nullable=False,
        server_default=sa.text("0"),
    )
    op.add_column(table, column)
