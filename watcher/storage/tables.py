"""Every table, with the invariants that the database itself keeps; `migrations/` builds exactly these.

    feed ── entry ── evidence ── transition_evidence ── transition ── alert ── delivery ── attempt
     └─ health          └──────────────── item ──────────────┘└─ seed   └─ act       └─ message
    circuit, silence, digest

No queries here. The module is longer than others because a schema is read as a whole. Every constraint is named, every
index says who reads it. Rows of evidence, transition, transition_evidence, attempt and act are never changed: the
migrations that made them add triggers that refuse it. Rows of health are never changed either, but old ones go.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from watcher.domain.alerts import ActKind, AttemptOutcome, DeliveryState, Hold, Merge
from watcher.domain.feeds import ArticleResult, FeedKind, Health, PollResult
from watcher.domain.model import Reason, Status, Tier
from watcher.storage.types import Duration, PlainText, UtcDateTime, Word

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"},
)

# SQLite counts rows by itself only in a column declared INTEGER
RowId = BigInteger().with_variant(Integer, "sqlite")

MOVING = (Reason.OFFICIAL, Reason.ALONE, Reason.CORROBORATED, Reason.START, Reason.PERSON, Reason.RETRACTED)
ENDED = (DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.DROPPED, DeliveryState.SILENCED)


def _one_of(name: str, column: str, words: Iterable[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, PlainText, nullable=options.pop("nullable", False), **options)


def _moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# inside their columns, not beside them: SQLite adds a column to a table, but never a constraint
_HEALTH_WORDS = _one_of("ck_feed_health", "health", Health)
_HEALTH_COUNT = CheckConstraint("health_n >= 0 AND successes >= 0 AND gone_count >= 0", name="ck_feed_health_n")

feed = Table(
    "feed",
    metadata,
    _text("id", primary_key=True),
    _text("url"),
    _text("outlet"),
    Column("every", Duration, nullable=False),
    _text("language"),
    Column("allow_private", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),  # the configuration names it
    _text("etag", nullable=True),
    _text("last_modified", nullable=True),
    _text("body_hash", nullable=True),
    _moment("next_poll_at"),
    _text("lease_owner", nullable=True),
    _moment("lease_until", nullable=True),
    Column("failures", Integer, nullable=False),  # in a row
    _moment("begun_at", nullable=True),  # first success at this address
    _moment("last_at", nullable=True),
    _moment("last_ok_at", nullable=True),
    Column("last_result", Word(PollResult), nullable=True),
    _text("last_detail"),
    Column("last_elapsed", Duration, nullable=True),
    Column("entries", Integer, nullable=False),  # ever stored; counted here so that the board need not
    _text("moved_to", nullable=True),  # where permanent redirects point, not yet followed for good
    Column("moved_count", Integer, nullable=False),  # how many in a row pointed there
    _text("moved_url", nullable=True),  # polled instead of url
    # --- cadence: bounds of the configuration, and what was learned
    Column("fastest", Duration, nullable=True),
    Column("slowest", Duration, nullable=True),
    Column("quiet_after", Duration, nullable=True),
    Column("gap", Duration, nullable=True),
    Column("longest_gap", Duration, nullable=True),
    _moment("newest_at", nullable=True),
    Column("told", Duration, nullable=True),
    _moment("deadline", nullable=True),
    Column("interval", Duration, nullable=True),  # the wait meant to be, before jitter and back-off
    # --- health: what the rules look at, and what they last came to
    _moment("news_at", nullable=True),  # when it last gave something new
    _moment("failing_since", nullable=True),  # first of the failures in a row
    _moment("answering_since", nullable=True),  # first of the successes in a row
    _moment("unbroken_since", nullable=True),  # it was read in its time from then on
    Column("successes", Integer, nullable=False, server_default="0"),  # in a row
    _text("failure", nullable=True),  # the last one, in a word
    Column("gone_count", Integer, nullable=False, server_default="0"),  # 410 in a row
    _moment("retired_at", nullable=True),  # gone for good: not polled until its address changes
    Column("health", Word(Health), _HEALTH_WORDS, nullable=False, server_default="new"),
    Column("health_n", Integer, _HEALTH_COUNT, nullable=False, server_default="0"),  # of its last change: guards it
    _moment("health_since", nullable=True),
    _text("health_reason", nullable=True),
    _text("health_detail", nullable=True),
    # what tells the entries of its last document from others (feeds/slices.py): a cache, to be lost without harm
    Column("marks", LargeBinary, nullable=True),
    Column(
        "kind",
        Word(FeedKind),
        _one_of("ck_feed_kind", "kind", FeedKind),
        nullable=False,
        server_default=FeedKind.FEED.value,
    ),
    _text("selectors", server_default=text("''")),  # JSON of domain.feeds.Selectors, empty for none
    Column("full_text", Boolean, nullable=False, server_default=false()),
    _one_of("ck_feed_last_result", "last_result", PollResult),
    CheckConstraint("failures >= 0 AND entries >= 0 AND moved_count >= 0", name="ck_feed_counts"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="ck_feed_lease"),
    CheckConstraint("(moved_to IS NULL) = (moved_count = 0)", name="ck_feed_moved"),
)
# read by feeds.claim: what is due
Index("ix_feed_due", feed.c.next_poll_at, sqlite_where=text("active = 1"), postgresql_where=text("active"))

# what pages said when they were last read
snapshot = Table(
    "snapshot",
    metadata,
    Column("feed", PlainText, ForeignKey("feed.id"), primary_key=True),
    _text("text"),
    Column("changes", Integer, nullable=False),
    _moment("seen_at"),
    CheckConstraint("changes >= 0", name="ck_snapshot_changes"),
)

entry = Table(
    "entry",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("feed", PlainText, ForeignKey("feed.id"), nullable=False),
    # identity outlives the text: see identity.py
    Column("key_hash", String(32), nullable=False),
    Column("story_hash", String(32), nullable=True),
    _text("key"),
    _text("title"),
    _text("summary"),
    _text("link"),
    _text("source"),
    _text("language"),
    _moment("published", nullable=True),
    _moment("at"),
    _moment("seen_at"),
    Column("baseline", Boolean, nullable=False),
    _moment("judged_at", nullable=True),
    Column("matched", Boolean, nullable=False),  # gave evidence
    _moment("pruned_at", nullable=True),  # text removed
    _text("removed", server_default=text("''")),  # what is no longer said there: shown, never read
    Column(  # how often the text was edited
        "revision",
        Integer,
        CheckConstraint("revision >= 0", name="ck_entry_revision"),
        nullable=False,
        server_default=text("0"),
    ),
    _moment("revised_at", nullable=True),
    Column("text_hash", String(32), nullable=True),  # of what the feed says, an article apart
    Column("content_hash", String(32), nullable=True),
    Column("with_article", Boolean, nullable=False, server_default=false()),  # its summary has the article below it
    Column("other_hash", String(32), nullable=True),  # of its former key, or of one that another story has
    UniqueConstraint("feed", "key_hash", name="uq_entry_key"),
    UniqueConstraint("feed", "story_hash", name="uq_entry_story"),
    CheckConstraint("judged_at IS NOT NULL OR NOT matched", name="ck_entry_matched_is_judged"),
    CheckConstraint("pruned_at IS NULL OR (judged_at IS NOT NULL AND NOT matched)", name="ck_entry_pruned_is_useless"),
)
# read by judgements.unjudged: the queue of the judge, in its order
Index("ix_entry_unjudged", entry.c.at, entry.c.id, **_where("judged_at IS NULL"))
# read by judgements.prune: what may lose its text, oldest first
Index(
    "ix_entry_prunable",
    entry.c.seen_at,
    sqlite_where=text("judged_at IS NOT NULL AND pruned_at IS NULL AND matched = 0"),
    postgresql_where=text("judged_at IS NOT NULL AND pruned_at IS NULL AND NOT matched"),
)
# read by entries.store: entries known by their text of a day, or by a second key
Index("ix_entry_content", entry.c.feed, entry.c.content_hash, **_where("content_hash IS NOT NULL"))
Index("ix_entry_other", entry.c.feed, entry.c.other_hash, **_where("other_hash IS NOT NULL"))

# read by articles.wanted: entries that came lately and are about an item
Index("ix_entry_matched", entry.c.seen_at, sqlite_where=text("matched = 1"), postgresql_where=text("matched"))

# the articles behind entries, by link without tracking: what came of fetching them, and when to try again
article = Table(
    "article",
    metadata,
    Column("link_hash", String(32), primary_key=True),
    _text("link"),
    _text("text"),
    Column("result", Word(ArticleResult), nullable=False),
    _text("detail"),
    Column("tries", Integer, nullable=False),
    _moment("fetched_at"),
    _moment("next_at", nullable=True),
    _one_of("ck_article_result", "result", ArticleResult),
    CheckConstraint("tries >= 1", name="ck_article_tries"),
    CheckConstraint("result = 'failed' OR next_at IS NULL", name="ck_article_retry"),
)

# what entries said before they were edited, numbered from 0; the present text stands in `entry`
revision = Table(
    "revision",
    metadata,
    Column("entry", RowId, ForeignKey("entry.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    _text("title"),
    _text("summary"),
    Column("text_hash", String(32), nullable=False),
    _moment("seen_at"),
    CheckConstraint("n >= 0", name="ck_revision_n"),
)

item = Table(
    "item",
    metadata,
    _text("id", primary_key=True),
    _text("lifecycle"),
    Column("active", Boolean, nullable=False),  # the configuration names it
    _text("state"),
    _text("value", nullable=True),
    _moment("since"),
    Column("version", Integer, nullable=False),  # guards every update
    Column("disputed", Boolean, nullable=False),
    _text("source"),
    _moment("created_at"),
    CheckConstraint("version >= 0", name="ck_item_version"),
)

seed = Table(
    "seed",
    metadata,
    Column("item", PlainText, ForeignKey("item.id"), primary_key=True),
    _text("state"),
    _text("value", nullable=True),
    Column("as_of", Date, nullable=False),
    _text("publisher"),
    _text("title"),
    Column("published", Date, nullable=False),
    _text("settled_by"),
    _text("link"),
    _moment("applied_at"),
)

evidence = Table(
    "evidence",
    metadata,
    _text("id", primary_key=True),
    Column("item", PlainText, ForeignKey("item.id"), nullable=False),
    Column("entry", RowId, ForeignKey("entry.id"), nullable=False),
    _text("state", nullable=True),
    Column("status", Word(Status), nullable=False),
    _text("cue"),
    _text("quote"),
    _moment("at"),
    _text("outlet"),
    Column("tier", Word(Tier), nullable=False),
    _text("owner"),
    _text("title"),
    _text("link"),
    _text("value", nullable=True),
    _text("speaks_for", nullable=True),
    Column("span_field", String(16), nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    Column("baseline", Boolean, nullable=False),
    Column(
        "takes_back", Boolean, nullable=False, server_default=false()
    ),  # corrects or withdraws what the outlet told before
    _moment("recorded_at"),
    Column(  # which text of its entry it was read in
        "revision",
        Integer,
        CheckConstraint("revision >= 0", name="ck_evidence_revision"),
        nullable=False,
        server_default=text("0"),
    ),
    _one_of("ck_evidence_status", "status", Status),
    _one_of("ck_evidence_tier", "tier", Tier),
    CheckConstraint("span_field IN ('title', 'summary')", name="ck_evidence_span_field"),
    CheckConstraint("0 <= span_start AND span_start <= span_end", name="ck_evidence_span"),
)
# read by judgements.evidence (a window of one item) and judgements.last_evidence (its end)
Index("ix_evidence_item", evidence.c.item, evidence.c.at, evidence.c.id)

# evidence that its entry no longer bears out since it was edited; it stays in history, and counts for nothing new
withdrawal = Table(
    "withdrawal",
    metadata,
    Column("evidence", PlainText, ForeignKey("evidence.id"), primary_key=True),
    Column("revision", Integer, nullable=False),  # of the entry
    _moment("at"),
    CheckConstraint("revision >= 1", name="ck_withdrawal_revision"),
)

transition = Table(
    "transition",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("item", PlainText, ForeignKey("item.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    _text("from_state"),
    _text("to_state"),
    _text("from_value", nullable=True),
    _text("to_value", nullable=True),
    _moment("from_since", nullable=True),
    _moment("at"),
    Column("status", Word(Status), nullable=False),
    Column("reason", Word(Reason), nullable=False),
    Column("sources", Integer, nullable=False),
    _text("detail"),
    _moment("recorded_at"),
    _text("actor", server_default=text("''")),  # the person, where a person decided
    # also read by items.history
    UniqueConstraint("item", "seq", name="uq_transition_seq"),
    _one_of("ck_transition_status", "status", Status),
    _one_of("ck_transition_reason", "reason", MOVING),
    CheckConstraint("seq >= 0 AND sources >= 0", name="ck_transition_counts"),
    CheckConstraint("(seq = 0) = (reason = 'start')", name="ck_transition_start_is_first"),
    CheckConstraint(
        "from_state <> to_state OR coalesce(from_value, '') <> coalesce(to_value, '')", name="ck_transition_moves"
    ),
)

transition_evidence = Table(
    "transition_evidence",
    metadata,
    Column("transition", RowId, ForeignKey("transition.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("evidence", PlainText, ForeignKey("evidence.id"), nullable=False),
    UniqueConstraint("transition", "evidence", name="uq_transition_evidence_once"),
    CheckConstraint("position >= 0", name="ck_transition_evidence_position"),
)

health = Table(
    "health",
    metadata,
    Column("feed", PlainText, ForeignKey("feed.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("from_state", Word(Health), nullable=False),
    Column("to_state", Word(Health), nullable=False),
    _text("reason"),
    _text("detail"),
    _moment("at"),
    _one_of("ck_health_from_state", "from_state", Health),
    _one_of("ck_health_to_state", "to_state", Health),
    CheckConstraint("n >= 1", name="ck_health_n"),
    CheckConstraint("from_state <> to_state", name="ck_health_changes"),
)
# read by vitals.forget: what is old enough to go
Index("ix_health_at", health.c.at)

# changes of health that are still to be told
untold = Table(
    "untold",
    metadata,
    Column("feed", PlainText, ForeignKey("feed.id"), primary_key=True),
    Column("n", Integer, primary_key=True),  # of the change
    Column("held", Boolean, nullable=False),  # until the common outage is over that it belongs to
    CheckConstraint("n >= 1", name="ck_untold_n"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", String(32), nullable=False),  # of domain.alerts.AlertKind, and of those to come
    _text("reason"),
    _text("subject"),  # the item's id, the feed's, the route's
    _text("key"),  # what is told by it, so that it is told once
    Column("transition", RowId, ForeignKey("transition.id"), nullable=True),
    Column("reminds_of", RowId, ForeignKey("alert.id"), nullable=True),  # the alert that it reminds of
    _text("payload"),  # JSON of domain.alerts.AnyAlert
    _moment("created_at"),
    UniqueConstraint("transition", name="uq_alert_transition"),
    UniqueConstraint("key", name="uq_alert_key"),
    CheckConstraint(
        "kind NOT IN ('state_change', 'reversal') OR transition IS NOT NULL OR reminds_of IS NOT NULL",
        name="ck_alert_tells_a_transition",
    ),
)
# read by occasions.told_of_service: the latest of a kind
Index("ix_alert_kind", alert.c.kind, alert.c.id)
# read by told.alerts (what was told of an item) and told.reminders (what reminded of it)
Index("ix_alert_subject", alert.c.subject, alert.c.id)
Index("ix_alert_reminds_of", alert.c.reminds_of, **_where("reminds_of IS NOT NULL"))

# what was sent, or is being sent: one or more deliveries to one address
message = Table(
    "message",
    metadata,
    Column("id", String(32), primary_key=True),
    _text("receiver"),
    _text("route"),  # of its first delivery
    Column("merge", Word(Merge), nullable=True),  # why it carries several deliveries
    _moment("composed_at"),
    _moment("sent_at", nullable=True),
    _text("subject"),  # as it was sent
    Column("digest", String(64), nullable=True),  # SHA-256 of what was sent
    _one_of("ck_message_merge", "merge", Merge),
)
# read by claims.spent: how many went to a receiver of late
Index("ix_message_sent", message.c.receiver, message.c.sent_at, **_where("sent_at IS NOT NULL"))

delivery = Table(
    "delivery",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("alert", RowId, ForeignKey("alert.id"), nullable=False),
    _text("receiver"),
    _text("route"),  # that named the receiver; empty for alerts about the service
    Column("critical", Boolean, nullable=False),  # as its alert is: it passes what is held
    Column("state", Word(DeliveryState), nullable=False),
    Column("hold", Word(Hold), nullable=True),  # why it waits though nothing failed
    Column("attempts", Integer, nullable=False),  # since it was last queued: what retry rules count
    Column("tries", Integer, nullable=False),  # ever: numbers the ledger
    _moment("not_before"),
    _text("lease_owner", nullable=True),
    _moment("lease_until", nullable=True),
    _moment("created_at"),
    _moment("settled_at", nullable=True),
    _text("detail"),
    Column("message", String(32), ForeignKey("message.id"), nullable=True),  # that carries it
    UniqueConstraint("alert", "receiver", name="uq_delivery_receiver"),
    _one_of("ck_delivery_state", "state", DeliveryState),
    _one_of("ck_delivery_hold", "hold", Hold),
    CheckConstraint("0 <= attempts AND attempts <= tries", name="ck_delivery_attempts"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="ck_delivery_lease"),
    CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="ck_delivery_sending_is_leased"),
    CheckConstraint("state <> 'sending' OR message IS NOT NULL", name="ck_delivery_sending_is_in_a_message"),
    CheckConstraint(
        "(state IN ('sent', 'dead', 'dropped', 'silenced')) = (settled_at IS NOT NULL)",
        name="ck_delivery_ended_is_settled",
    ),
)
# SQLite uses a partial index only for a query that repeats its condition in these words, without parameters
OPEN_DELIVERY = text("state IN ('pending', 'sending')")
LEASED_DELIVERY = text("state = 'sending'")
# read by claims.claim: each receiver's queue
_QUEUE = (delivery.c.receiver, delivery.c.alert)
Index("ix_delivery_queue", *_QUEUE, sqlite_where=OPEN_DELIVERY, postgresql_where=OPEN_DELIVERY)
# read by claims.claim: what is critical, however long the queue before it is
CRITICAL_DELIVERY = text("state IN ('pending', 'sending') AND critical")
Index("ix_delivery_critical", *_QUEUE, sqlite_where=CRITICAL_DELIVERY, postgresql_where=CRITICAL_DELIVERY)
# read by claims.busy: who is being sent something
Index("ix_delivery_leased", delivery.c.receiver, sqlite_where=LEASED_DELIVERY, postgresql_where=LEASED_DELIVERY)
# read by settling.put_back and settling.settle: what a message carries
Index("ix_delivery_message", delivery.c.message, **_where("message IS NOT NULL"))

attempt = Table(
    "attempt",
    metadata,
    Column("delivery", String(32), ForeignKey("delivery.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    _moment("at"),
    Column("outcome", Word(AttemptOutcome), nullable=False),
    _text("detail"),
    _text("message", server_default=text("''")),  # id of the message that carried it
    _text("address", server_default=text("''")),  # masked
    _one_of("ck_attempt_outcome", "outcome", AttemptOutcome),
    CheckConstraint("n >= 1", name="ck_attempt_n"),
)

# whether a receiver takes messages
circuit = Table(
    "circuit",
    metadata,
    _text("receiver", primary_key=True),
    Column("failures", Integer, nullable=False),  # in a row
    _moment("opened_at", nullable=True),
    _moment("next_at", nullable=True),
    _moment("last_ok_at", nullable=True),
    _text("detail"),
    _moment("recovered_at", nullable=True),
    _moment("free_at", nullable=True),  # by its rate
    CheckConstraint("failures >= 0", name="ck_circuit_failures"),
)

# what somebody does not want to be told for a time
silence = Table(
    "silence",
    metadata,
    Column("id", RowId, primary_key=True),
    _text("conditions"),  # JSON of domain.alerts.Conditions
    _text("by"),
    _text("reason"),
    _moment("starts_at"),
    _moment("ends_at"),
    _text("ended_by"),  # before its time
    _moment("created_at"),
    CheckConstraint("starts_at <= ends_at", name="ck_silence_span"),
)
# read by silences.active
Index("ix_silence_ends", silence.c.ends_at)

# what people did about items and alerts
act = Table(
    "act",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", Word(ActKind), nullable=False),
    Column("item", PlainText, ForeignKey("item.id"), nullable=False),
    Column("alert", RowId, ForeignKey("alert.id"), nullable=True),
    _text("by"),
    _text("text"),
    _moment("at"),
    _one_of("ck_act_kind", "kind", ActKind),
    CheckConstraint("kind <> 'ack' OR alert IS NOT NULL", name="ck_act_ack_is_of_an_alert"),
)
# read by acts.of_item, and by acts.acks
Index("ix_act_item", act.c.item, act.c.id)
Index("ix_act_alert", act.c.alert, **_where("alert IS NOT NULL"))

# when each route's digest was last due, and is next
digest = Table(
    "digest",
    metadata,
    _text("route", primary_key=True),
    _text("timetable"),  # that next_at follows from
    _moment("last_at"),
    Column("last_transition", RowId, nullable=False),  # the last that it covers; 0 for none
    _moment("next_at"),
)
