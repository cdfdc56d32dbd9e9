"""Messages that carry several deliveries, why a delivery waits, circuits, silences, what people did, and digests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TELLS = "kind NOT IN ('state_change', 'reversal') OR transition IS NOT NULL OR reminds_of IS NOT NULL"
_STATES = "state IN ('pending', 'sending', 'sent', 'dead', 'dropped', 'silenced')"
_CRITICAL = "state IN ('pending', 'sending') AND critical"
_HOLDS = "hold IN ('group', 'quiet', 'budget')"
_CARRIED = "state <> 'sending' OR message IS NOT NULL"
_SETTLED = "(state IN ('sent', 'dead', 'dropped', 'silenced')) = (settled_at IS NOT NULL)"

_ALERT = "id, kind, reason, subject, key, transition, payload, created_at"
_DELIVERY = (
    "id, alert, receiver, state, attempts, tries, not_before, lease_owner, lease_until, created_at, settled_at, detail"
)


def upgrade() -> None:
    """Make the new tables, then give the old ones what they lack. What is being sent is in a message of its own."""
    _make_message()
    if op.get_bind().dialect.name == "postgresql":
        _extend_on_postgresql()
    else:
        _remake_alert()
        _remake_delivery()
    op.add_column("feed", sa.Column("unbroken_since", _MOMENT, nullable=True))
    op.create_index("ix_alert_kind", "alert", ["kind", "id"])
    op.create_index("ix_alert_subject", "alert", ["subject", "id"])
    _index_where("ix_alert_reminds_of", "alert", "reminds_of IS NOT NULL", "reminds_of")
    _index_where("ix_delivery_queue", "delivery", "state IN ('pending', 'sending')", "receiver", "alert")
    _index_where("ix_delivery_critical", "delivery", _CRITICAL, "receiver", "alert")
    _index_where("ix_delivery_leased", "delivery", "state = 'sending'", "receiver")
    _index_where("ix_delivery_message", "delivery", "message IS NOT NULL", "message")
    for name in ("message", "address"):
        op.add_column("attempt", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("transition", sa.Column("actor", sa.Text(), nullable=False, server_default=sa.text("''")))
    _make_circuit()
    _make_silence()
    _make_act()
    op.create_table(
        "digest",
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("timetable", sa.Text(), nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("last_transition", _ROW_ID, nullable=False),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("route", name="pk_digest"),
    )


def _index_where(name: str, table: str, condition: str, *columns: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def _make_message() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("merge", sa.String(16), nullable=True),
        sa.Column("composed_at", _MOMENT, nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.CheckConstraint("merge IN ('event', 'held', 'late')", name="ck_message_merge"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
    )
    _index_where("ix_message_sent", "message", "sent_at IS NOT NULL", "receiver", "sent_at")
    op.execute(
        "INSERT INTO message (id, receiver, route, composed_at, subject) "
        "SELECT id, receiver, '', created_at, '' FROM delivery WHERE state = 'sending'"
    )


def _extend_on_postgresql() -> None:
    op.drop_index("ix_delivery_open", "delivery")
    op.add_column("alert", sa.Column("reminds_of", _ROW_ID, nullable=True))
    op.create_foreign_key("fk_alert_reminds_of", "alert", "alert", ["reminds_of"], ["id"])
    op.drop_constraint("ck_alert_tells_a_transition", "alert")
    op.create_check_constraint("ck_alert_tells_a_transition", "alert", _TELLS)
    op.add_column("delivery", sa.Column("route", sa.Text(), nullable=False, server_default=""))
    op.alter_column("delivery", "route", server_default=None)
    op.add_column("delivery", sa.Column("critical", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("delivery", "critical", server_default=None)
    op.add_column("delivery", sa.Column("hold", sa.String(16), nullable=True))
    op.add_column("delivery", sa.Column("message", sa.String(32), nullable=True))
    op.execute("UPDATE delivery SET message = id WHERE state = 'sending'")
    op.create_foreign_key("fk_delivery_message", "delivery", "message", ["message"], ["id"])
    for name in ("ck_delivery_state", "ck_delivery_ended_is_settled"):
        op.drop_constraint(name, "delivery")
    op.create_check_constraint("ck_delivery_state", "delivery", _STATES)
    op.create_check_constraint("ck_delivery_ended_is_settled", "delivery", _SETTLED)
    op.create_check_constraint("ck_delivery_hold", "delivery", _HOLDS)
    op.create_check_constraint("ck_delivery_sending_is_in_a_message", "delivery", _CARRIED)


def _remake_alert() -> None:
    """SQLite cannot change a constraint: the table is made anew, its rows keep their ids."""
    op.create_table(
        "alert_anew",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("transition", _ROW_ID, nullable=True),
        sa.Column("reminds_of", _ROW_ID, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.CheckConstraint(_TELLS, name="ck_alert_tells_a_transition"),
        sa.ForeignKeyConstraint(["reminds_of"], ["alert.id"], name="fk_alert_reminds_of"),
        sa.ForeignKeyConstraint(["transition"], ["transition.id"], name="fk_alert_transition"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("key", name="uq_alert_key"),
        sa.UniqueConstraint("transition", name="uq_alert_transition"),
    )
    op.execute(f"INSERT INTO alert_anew ({_ALERT}) SELECT {_ALERT} FROM alert")
    op.drop_table("alert")
    op.rename_table("alert_anew", "alert")


def _remake_delivery() -> None:
    op.create_table(
        "delivery_anew",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("alert", _ROW_ID, nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("hold", sa.String(16), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("settled_at", _MOMENT, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("message", sa.String(32), nullable=True),
        sa.CheckConstraint("0 <= attempts AND attempts <= tries", name="ck_delivery_attempts"),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="ck_delivery_lease"),
        sa.CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="ck_delivery_sending_is_leased"),
        sa.CheckConstraint(_CARRIED, name="ck_delivery_sending_is_in_a_message"),
        sa.CheckConstraint(_SETTLED, name="ck_delivery_ended_is_settled"),
        sa.CheckConstraint(_HOLDS, name="ck_delivery_hold"),
        sa.CheckConstraint(_STATES, name="ck_delivery_state"),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_delivery_alert"),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name="fk_delivery_message"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("alert", "receiver", name="uq_delivery_receiver"),
    )
    op.execute(
        f"INSERT INTO delivery_anew ({_DELIVERY}, route, critical, message) "
        f"SELECT {_DELIVERY}, '', 0, CASE state WHEN 'sending' THEN id END FROM delivery"
    )
    op.drop_table("delivery")
    op.rename_table("delivery_anew", "delivery")


def _make_circuit() -> None:
    op.create_table(
        "circuit",
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=True),
        sa.Column("next_at", _MOMENT, nullable=True),
        sa.Column("last_ok_at", _MOMENT, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recovered_at", _MOMENT, nullable=True),
        sa.Column("free_at", _MOMENT, nullable=True),
        sa.CheckConstraint("failures >= 0", name="ck_circuit_failures"),
        sa.PrimaryKeyConstraint("receiver", name="pk_circuit"),
    )


def _make_silence() -> None:
    op.create_table(
        "silence",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.CheckConstraint("starts_at <= ends_at", name="ck_silence_span"),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
    )
    op.create_index("ix_silence_ends", "silence", ["ends_at"])


def _make_act() -> None:
    op.create_table(
        "act",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("alert", _ROW_ID, nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint("kind <> 'ack' OR alert IS NOT NULL", name="ck_act_ack_is_of_an_alert"),
        sa.CheckConstraint("kind IN ('ack', 'note')", name="ck_act_kind"),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_act_alert"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_act_item"),
        sa.PrimaryKeyConstraint("id", name="pk_act"),
    )
    op.create_index("ix_act_item", "act", ["item", "id"])
    _index_where("ix_act_alert", "act", "alert IS NOT NULL", "alert")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER tr_act_no_change BEFORE UPDATE OR DELETE ON act "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER tr_act_no_{change} BEFORE {change.upper()} ON act "
            "BEGIN SELECT RAISE(ABORT, 'act is append-only'); END"
        )
