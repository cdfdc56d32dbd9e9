"""Remember which entries a feed's last document held, so that only the others need be parsed.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a feed without marks is parsed whole once."""
    op.add_column("feed", sa.Column("marks", sa.LargeBinary(), nullable=True))
