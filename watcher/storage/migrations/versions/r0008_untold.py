"""Changes of health that are still to be told, so that what has one cause is gathered into one message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; what happened before has been told."""
    op.create_table(
        "untold",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.CheckConstraint("n >= 1", name="ck_untold_n"),
        sa.ForeignKeyConstraint(["feed"], ["feed.id"], name="fk_untold_feed"),
        sa.PrimaryKeyConstraint("feed", "n", name="pk_untold"),
    )
