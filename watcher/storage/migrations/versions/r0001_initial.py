"""The first schema: feeds and entries, items and their history, evidence, the outbox and its ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_APPEND_ONLY = ("evidence", "transition", "transition_evidence", "attempt")


def upgrade() -> None:
    """Create every table, then forbid changing history."""
    _create_feed()
    _create_item()
    _create_entry()
    _create_seed()
    _create_transition()
    _create_alert()
    _create_evidence()
    _create_delivery()
    _create_transition_evidence()
    _create_attempt()
    _create_indexes()
    if op.get_bind().dialect.name == "postgresql":
        _guard_history_on_postgresql()
    else:
        _guard_history_on_sqlite()


def _create_feed() -> None:
    op.create_table(
        "feed",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("outlet", sa.Text(), nullable=False),
        sa.Column("every", sa.Float(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("allow_private", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("body_hash", sa.Text(), nullable=True),
        sa.Column("next_poll_at", _MOMENT, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=True),
        sa.Column("last_at", _MOMENT, nullable=True),
        sa.Column("last_ok_at", _MOMENT, nullable=True),
        sa.Column("last_result", sa.String(16), nullable=True),
        sa.Column("last_detail", sa.Text(), nullable=False),
        sa.Column("last_elapsed", sa.Float(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("moved_count", sa.Integer(), nullable=False),
        sa.Column("moved_url", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "last_result IN ('entries', 'not_modified', 'empty', 'broken', 'failed')", name="ck_feed_last_result"
        ),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="ck_feed_lease"),
        sa.CheckConstraint("(moved_to IS NULL) = (moved_count = 0)", name="ck_feed_moved"),
        sa.CheckConstraint("failures >= 0 AND entries >= 0 AND moved_count >= 0", name="ck_feed_counts"),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
    )


def _create_item() -> None:
    op.create_table(
        "item",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lifecycle", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.CheckConstraint("version >= 0", name="ck_item_version"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
    )


def _create_entry() -> None:
    op.create_table(
        "entry",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.String(32), nullable=False),
        sa.Column("story_hash", sa.String(32), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("published", _MOMENT, nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("baseline", sa.Boolean(), nullable=False),
        sa.Column("judged_at", _MOMENT, nullable=True),
        sa.Column("matched", sa.Boolean(), nullable=False),
        sa.Column("pruned_at", _MOMENT, nullable=True),
        sa.CheckConstraint("judged_at IS NOT NULL OR NOT matched", name="ck_entry_matched_is_judged"),
        sa.CheckConstraint(
            "pruned_at IS NULL OR (judged_at IS NOT NULL AND NOT matched)", name="ck_entry_pruned_is_useless"
        ),
        sa.ForeignKeyConstraint(["feed"], ["feed.id"], name="fk_entry_feed"),
        sa.PrimaryKeyConstraint("id", name="pk_entry"),
        sa.UniqueConstraint("feed", "key_hash", name="uq_entry_key"),
        sa.UniqueConstraint("feed", "story_hash", name="uq_entry_story"),
    )


def _create_seed() -> None:
    op.create_table(
        "seed",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("published", sa.Date(), nullable=False),
        sa.Column("settled_by", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("applied_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_seed_item"),
        sa.PrimaryKeyConstraint("item", name="pk_seed"),
    )


def _create_transition() -> None:
    op.create_table(
        "transition",
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
        sa.CheckConstraint(
            "reason IN ('official', 'wire', 'corroborated', 'start', 'person')", name="ck_transition_reason"
        ),
        sa.CheckConstraint(
            "status IN ('done', 'announced', 'claimed', 'possible', 'urged', 'denied', 'mention')",
            name="ck_transition_status",
        ),
        sa.CheckConstraint("seq >= 0 AND sources >= 0", name="ck_transition_counts"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_transition_item"),
        sa.PrimaryKeyConstraint("id", name="pk_transition"),
        sa.UniqueConstraint("item", "seq", name="uq_transition_seq"),
    )


def _create_alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("transition", _ROW_ID, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["transition"], ["transition.id"], name="fk_alert_transition"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("transition", name="uq_alert_transition"),
    )


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("entry", _ROW_ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("cue", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("outlet", sa.Text(), nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("speaks_for", sa.Text(), nullable=True),
        sa.Column("span_field", sa.String(length=16), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
        sa.Column("baseline", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.CheckConstraint("span_field IN ('title', 'summary')", name="ck_evidence_span_field"),
        sa.CheckConstraint(
            "status IN ('done', 'announced', 'claimed', 'possible', 'urged', 'denied', 'mention')",
            name="ck_evidence_status",
        ),
        sa.CheckConstraint("tier IN ('official', 'wire', 'press', 'other')", name="ck_evidence_tier"),
        sa.CheckConstraint("0 <= span_start AND span_start <= span_end", name="ck_evidence_span"),
        sa.ForeignKeyConstraint(["entry"], ["entry.id"], name="fk_evidence_entry"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_evidence_item"),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("alert", _ROW_ID, nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("settled_at", _MOMENT, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="ck_delivery_sending_is_leased"),
        sa.CheckConstraint(
            "(state IN ('sent', 'dead', 'dropped')) = (settled_at IS NOT NULL)", name="ck_delivery_ended_is_settled"
        ),
        sa.CheckConstraint("state IN ('pending', 'sending', 'sent', 'dead', 'dropped')", name="ck_delivery_state"),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="ck_delivery_lease"),
        sa.CheckConstraint("0 <= attempts AND attempts <= tries", name="ck_delivery_attempts"),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_delivery_alert"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("alert", "receiver", name="uq_delivery_receiver"),
    )


def _create_transition_evidence() -> None:
    op.create_table(
        "transition_evidence",
        sa.Column("transition", _ROW_ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.CheckConstraint("position >= 0", name="ck_transition_evidence_position"),
        sa.ForeignKeyConstraint(["evidence"], ["evidence.id"], name="fk_transition_evidence_evidence"),
        sa.ForeignKeyConstraint(["transition"], ["transition.id"], name="fk_transition_evidence_transition"),
        sa.PrimaryKeyConstraint("transition", "position", name="pk_transition_evidence"),
        sa.UniqueConstraint("transition", "evidence", name="uq_transition_evidence_once"),
    )


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("delivery", sa.String(32), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("outcome IN ('sent', 'failed', 'lost')", name="ck_attempt_outcome"),
        sa.CheckConstraint("n >= 1", name="ck_attempt_n"),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name="fk_attempt_delivery"),
        sa.PrimaryKeyConstraint("delivery", "n", name="pk_attempt"),
    )


def _create_indexes() -> None:
    op.create_index(
        "ix_feed_due",
        "feed",
        ["next_poll_at"],
        unique=False,
        sqlite_where=sa.text("active = 1"),
        postgresql_where=sa.text("active"),
    )
    op.create_index(
        "ix_entry_prunable",
        "entry",
        ["seen_at"],
        unique=False,
        sqlite_where=sa.text("judged_at IS NOT NULL AND pruned_at IS NULL AND matched = 0"),
        postgresql_where=sa.text("judged_at IS NOT NULL AND pruned_at IS NULL AND NOT matched"),
    )
    op.create_index(
        "ix_entry_unjudged",
        "entry",
        ["at", "id"],
        unique=False,
        sqlite_where=sa.text("judged_at IS NULL"),
        postgresql_where=sa.text("judged_at IS NULL"),
    )
    op.create_index("ix_evidence_item", "evidence", ["item", "at", "id"], unique=False)
    op.create_index(
        "ix_delivery_open",
        "delivery",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )


def _guard_history_on_sqlite() -> None:
    for table in _APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER tr_{table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _guard_history_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER tr_{table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
