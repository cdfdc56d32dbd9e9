"""How a source is doing: its pace, its health with every change of it, and alerts that are about no transition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORDS = "'new', 'healthy', 'quiet', 'late', 'broken', 'blocked', 'retired', 'recovered'"


def upgrade() -> None:
    """Add what polling learns, then the history of health; then let alerts be about other things."""
    _extend_feed()
    _create_health()
    if op.get_bind().dialect.name == "postgresql":
        _extend_alert()
    else:
        _remake_alert()
    _guard_health()


def _extend_feed() -> None:
    for column in (
        sa.Column("fastest", sa.Float(), nullable=True),
        sa.Column("slowest", sa.Float(), nullable=True),
        sa.Column("quiet_after", sa.Float(), nullable=True),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.Column("longest_gap", sa.Float(), nullable=True),
        sa.Column("newest_at", _MOMENT, nullable=True),
        sa.Column("told", sa.Float(), nullable=True),
        sa.Column("deadline", _MOMENT, nullable=True),
        sa.Column("interval", sa.Float(), nullable=True),
        sa.Column("news_at", _MOMENT, nullable=True),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("answering_since", _MOMENT, nullable=True),
        sa.Column("successes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("gone_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("retired_at", _MOMENT, nullable=True),
    ):
        op.add_column("feed", column)
    _add_checked("health VARCHAR(16) DEFAULT 'new' NOT NULL", "ck_feed_health", f"health IN ({_WORDS})")
    _add_checked(
        "health_n INTEGER DEFAULT '0' NOT NULL",
        "ck_feed_health_n",
        "health_n >= 0 AND successes >= 0 AND gone_count >= 0",
    )
    op.add_column("feed", sa.Column("health_since", _MOMENT, nullable=True))
    op.add_column("feed", sa.Column("health_reason", sa.Text(), nullable=True))
    op.add_column("feed", sa.Column("health_detail", sa.Text(), nullable=True))
    op.execute("UPDATE feed SET failing_since = last_at WHERE failures > 0")
    op.execute(
        "UPDATE feed SET answering_since = last_ok_at, successes = 1 WHERE failures = 0 AND last_ok_at IS NOT NULL"
    )
    op.execute("UPDATE feed SET news_at = (SELECT max(seen_at) FROM entry WHERE entry.feed = feed.id)")


def _add_checked(column: str, name: str, condition: str) -> None:
    """Add a column with its constraint inside: SQLite takes none beside it afterwards."""
    op.execute(f"ALTER TABLE feed ADD COLUMN {column} CONSTRAINT {name} CHECK ({condition})")


def _create_health() -> None:
    op.create_table(
        "health",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.String(16), nullable=False),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint(f"from_state IN ({_WORDS})", name="ck_health_from_state"),
        sa.CheckConstraint(f"to_state IN ({_WORDS})", name="ck_health_to_state"),
        sa.CheckConstraint("n >= 1", name="ck_health_n"),
        sa.CheckConstraint("from_state <> to_state", name="ck_health_changes"),
        sa.ForeignKeyConstraint(["feed"], ["feed.id"], name="fk_health_feed"),
        sa.PrimaryKeyConstraint("feed", "n", name="pk_health"),
    )
    op.create_index("ix_health_at", "health", ["at"], unique=False)


def _extend_alert() -> None:
    op.alter_column("alert", "transition", nullable=True)
    for name, kind in (("kind", sa.String(32)), ("reason", sa.Text()), ("subject", sa.Text()), ("key", sa.Text())):
        op.add_column("alert", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE alert SET kind = 'state_change', reason = t.reason, subject = t.item, key = t.item || '/' || t.seq "
        "FROM transition t WHERE t.id = alert.transition"
    )
    for name in ("kind", "reason", "subject", "key"):
        op.alter_column("alert", name, nullable=False)
    op.create_unique_constraint("uq_alert_key", "alert", ["key"])
    op.create_check_constraint(
        "ck_alert_tells_a_transition", "alert", "kind <> 'state_change' OR transition IS NOT NULL"
    )


def _remake_alert() -> None:
    """SQLite cannot make a column optional; the table is made anew, and its rows keep their ids."""
    op.create_table(
        "alert_anew",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("transition", _ROW_ID, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.CheckConstraint("kind <> 'state_change' OR transition IS NOT NULL", name="ck_alert_tells_a_transition"),
        sa.ForeignKeyConstraint(["transition"], ["transition.id"], name="fk_alert_transition"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("transition", name="uq_alert_transition"),
        sa.UniqueConstraint("key", name="uq_alert_key"),
    )
    op.execute(
        "INSERT INTO alert_anew (id, kind, reason, subject, key, transition, payload, created_at) "
        "SELECT a.id, 'state_change', t.reason, t.item, t.item || '/' || t.seq, a.transition, a.payload, a.created_at "
        "FROM alert a JOIN transition t ON t.id = a.transition"
    )
    op.drop_table("alert")
    op.rename_table("alert_anew", "alert")


def _guard_health() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER tr_health_no_update BEFORE UPDATE ON health FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    else:
        op.execute(
            "CREATE TRIGGER tr_health_no_update BEFORE UPDATE ON health "
            "BEGIN SELECT RAISE(ABORT, 'health is append-only'); END"
        )
