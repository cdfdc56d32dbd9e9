"""Evidence that takes earlier evidence back, the reason `retracted`, and `alone` for what was `wire` at first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REASONS = "reason IN ('official', 'alone', 'corroborated', 'start', 'person', 'retracted')"
_COLUMNS = (
    "id, item, seq, from_state, to_state, from_value, to_value, from_since, at, status, sources, detail, recorded_at"
)


def upgrade() -> None:
    """Add the column where it is missing: for a while databases were made with it. Then rename the reason."""
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("evidence")}
    if "takes_back" not in columns:
        op.add_column("evidence", sa.Column("takes_back", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name == "postgresql":
        _rename_on_postgresql()
    else:
        _remake_transition()
    op.execute("UPDATE alert SET reason = 'alone' WHERE reason = 'wire'")
    # an alert that waits is told from its payload
    op.execute(
        sa.text("UPDATE alert SET payload = replace(payload, :old, :new) WHERE payload LIKE :some").bindparams(
            old='"reason":"wire"', new='"reason":"alone"', some='%"reason":"wire"%'
        )
    )


def _rename_on_postgresql() -> None:
    op.drop_constraint("ck_transition_reason", "transition")
    op.execute("ALTER TABLE transition DISABLE TRIGGER tr_transition_no_change")
    op.execute("UPDATE transition SET reason = 'alone' WHERE reason = 'wire'")
    op.execute("ALTER TABLE transition ENABLE TRIGGER tr_transition_no_change")
    op.create_check_constraint("ck_transition_reason", "transition", _REASONS)


def _remake_transition() -> None:
    """SQLite cannot change a constraint; the table is made anew, its rows keep their ids, and it is guarded again."""
    op.create_table(
        "transition_anew",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("from_value", sa.Text(), nullable=True),
        sa.Column("to_value", sa.Text(), nullable=True),
        sa.Column("from_since", _MOMENT, nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("sources", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.CheckConstraint("(seq = 0) = (reason = 'start')", name="ck_transition_start_is_first"),
        sa.CheckConstraint(
            "from_state <> to_state OR coalesce(from_value, '') <> coalesce(to_value, '')", name="ck_transition_moves"
        ),
        sa.CheckConstraint(_REASONS, name="ck_transition_reason"),
        sa.CheckConstraint(
            "status IN ('done', 'announced', 'claimed', 'possible', 'urged', 'denied', 'mention')",
            name="ck_transition_status",
        ),
        sa.CheckConstraint("seq >= 0 AND sources >= 0", name="ck_transition_counts"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_transition_item"),
        sa.PrimaryKeyConstraint("id", name="pk_transition"),
        sa.UniqueConstraint("item", "seq", name="uq_transition_seq"),
    )
    op.execute(
        f"INSERT INTO transition_anew ({_COLUMNS}, reason) "
        f"SELECT {_COLUMNS}, CASE reason WHEN 'wire' THEN 'alone' ELSE reason END FROM transition"
    )
    # an implicit DELETE comes before DROP, and the guard would refuse it
    for change in ("update", "delete"):
        op.execute(f"DROP TRIGGER tr_transition_no_{change}")
    op.drop_table("transition")
    op.rename_table("transition_anew", "transition")
    for change in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER tr_transition_no_{change} BEFORE {change.upper()} ON transition "
            "BEGIN SELECT RAISE(ABORT, 'transition is append-only'); END"
        )
