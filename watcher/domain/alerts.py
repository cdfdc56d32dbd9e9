"""What is told, and to whom: alerts, their deliveries, the routes between them, and what people say to them. The second
half of the dictionary that `model.py` begins.

Nothing here reads a clock, a file or the network. Times are aware UTC datetimes and are refused otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from watcher.domain.model import Reason, Status, Tier
from watcher.domain.times import require_utc

# --- alerts ---------------------------------------------------------------------------------------


class AlertKind(StrEnum):
    """What an alert is about: watch items, or (the last group) the service itself."""

    STATE_CHANGE = "state_change"
    REVERSAL = "reversal"  # a change of state back to where the item stood before, or because its report was taken back
    DISPUTED = "disputed"  # as good a source denies what would have moved it
    EARLY_SIGNAL = "early_signal"  # a state was told that is not enough to move the item
    DEADLINE = "deadline"  # the day that its state carries is near, or has passed
    SILENT = "item_silent"  # nothing was told of it for its expected period, while its sources answered
    DIGEST = "digest"
    TEST = "test"

    SOURCE_BROKEN = "source_broken"  # also blocked, or gone for good
    SOURCE_QUIET = "source_quiet"
    SOURCE_RECOVERED = "source_recovered"
    ITEM_UNSEEN = "item_unseen"  # nothing that it is watched through answers: nobody could have seen news of it
    CONFIG_REJECTED = "config_rejected"
    TROUBLE = "trouble"  # the daemon itself
    TROUBLE_OVER = "trouble_over"


POLICY_KINDS = (
    AlertKind.STATE_CHANGE, AlertKind.REVERSAL, AlertKind.DISPUTED, AlertKind.EARLY_SIGNAL, AlertKind.DEADLINE,
    AlertKind.SILENT,
)  # fmt: skip
"""What may happen to an item, and what routes are for."""
CHANGES = (AlertKind.STATE_CHANGE, AlertKind.REVERSAL)
"""The kinds that tell of a transition."""
USUAL_KINDS = tuple(kind for kind in POLICY_KINDS if kind is not AlertKind.EARLY_SIGNAL)
"""What a route tells that does not say."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One piece of evidence as an alert shows it."""

    text: str
    outlet: str
    tier: Tier
    at: datetime
    link: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something about a watch item, complete in itself, so that it can be sent after any restart or reload."""

    kind: AlertKind
    item: str
    watchlist: str
    title: str
    question: str
    from_state: str
    from_label: str
    to_state: str
    to_label: str
    at: datetime
    reason: Reason
    detail: str
    sources: int
    quotes: tuple[Quote, ...]
    next: str  # what would change it next
    from_value: str | None = None
    to_value: str | None = None
    from_since: datetime | None = None
    from_source: str = ""  # who reported the state it was in, where a seed told
    meaning: str = ""
    severity: str = "normal"
    note: str = ""
    status: Status = Status.DONE  # how the state is told
    lifecycle: str = ""
    tags: tuple[str, ...] = ()
    tier: Tier | None = None  # of the best source, where sources told it
    entries: tuple[str, ...] = ()  # ids of the entries it rests on: alerts that share one tell of one event
    day: date | None = None  # that a deadline is about
    reminder: int = 0  # of the same, told before: the how-manieth
    escalated: bool = False  # told before to others, who did not acknowledge it

    @property
    def subject(self) -> str:
        """What it is about: an item's id."""
        return self.item


@dataclass(frozen=True, slots=True)
class Point:
    """One thing a system alert names, and what is to be said of it."""

    name: str
    text: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SystemAlert:
    """Something about the service itself, for those who keep it running; never about a watch item's state."""

    kind: AlertKind
    reason: str  # a code
    subject: str  # the id of what it is about: a feed's
    title: str
    at: datetime
    points: tuple[Point, ...] = ()
    more: int = 0  # points left out
    advice: str = ""
    severity: str = "normal"
    items: tuple[str, ...] = ()  # ids of the watch items it is about, all of them


@dataclass(frozen=True, slots=True)
class ToldOfService:
    """A stored alert about the service: what was told last decides what is to be told next."""

    id: int
    alert: SystemAlert
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of state as a digest lists it."""

    item: str
    title: str
    from_label: str
    to_label: str
    at: datetime
    detail: str
    from_value: str | None = None
    to_value: str | None = None
    reversal: bool = False
    link: str = ""  # of the first source


@dataclass(frozen=True, slots=True)
class Moving:
    """An item of which something was told that is not enough to move it."""

    item: str
    title: str
    label: str  # where it stands
    to_label: str  # what was told
    status: Status
    sources: int  # independent ones
    at: datetime  # of the latest
    detail: str  # why it stays
    disputed: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A day that an item waits for."""

    item: str
    title: str
    label: str
    day: date


@dataclass(frozen=True, slots=True)
class Digest:
    """What became of the items of one route since its last digest, complete in itself."""

    route: str
    since: datetime
    at: datetime
    moved: tuple[Moved, ...] = ()
    moving: tuple[Moving, ...] = ()
    upcoming: tuple[Upcoming, ...] = ()  # within 14 days
    silent: tuple[Point, ...] = ()  # items of which nothing was told for their expected period
    sources: tuple[Point, ...] = ()  # quiet or broken ones
    unchanged: int = 0  # items of which there is nothing else to say
    kind: ClassVar[AlertKind] = AlertKind.DIGEST
    reason: ClassVar[str] = "schedule"
    severity: ClassVar[str] = "normal"

    @property
    def subject(self) -> str:
        """What it is about: a route's name."""
        return self.route


AnyAlert = Alert | SystemAlert | Digest

# --- deliveries -----------------------------------------------------------------------------------


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"  # given up; kept and shown
    DROPPED = "dropped"  # a person gave it up
    SILENCED = "silenced"  # a person had asked not to be told of it


class Hold(StrEnum):
    """Why a delivery waits though nothing has failed, or waited until a message carried it; one that waits for this
    alone holds back no others."""

    GROUP = "group"  # for others of the same event
    QUIET = "quiet"  # for the end of quiet hours, or the beginning of a time window
    BUDGET = "budget"  # for the next hour: this one's messages are used up


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One delivery as it is planned: to whom, by which route, and not before when. `silenced` says by whose silence it
    is not to be sent at all, and why."""

    receiver: str
    route: str
    not_before: datetime
    hold: Hold | None = None
    silenced: str = ""

    def __post_init__(self) -> None:
        require_utc(not_before=self.not_before)


@dataclass(frozen=True, slots=True)
class PlannedAlert:
    """An alert with its deliveries. `key` names what is told, once for ever; `transition` is the index of the
    transition it tells, in the same record; `reminds_of` is the id of the stored alert that it is a reminder of."""

    alert: AnyAlert
    key: tuple[str, ...]
    deliveries: tuple[PlannedDelivery, ...]
    transition: int | None = None
    reminds_of: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One sending of one alert to one address. `receiver` names the address in the configuration; the address
    itself is a secret and stays there."""

    id: str
    receiver: str
    alert: AnyAlert
    attempts: int = 0
    state: DeliveryState = DeliveryState.PENDING
    alert_id: int = 0  # of the stored alert; 0 for one that is not stored
    route: str = ""
    hold: Hold | None = None  # why it waited
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        require_utc(created_at=self.created_at)


class Merge(StrEnum):
    """Why several deliveries are one message."""

    EVENT = "event"  # one event moved several items
    HELD = "held"  # they waited for the end of quiet hours, or for the next hour
    LATE = "late"  # they waited because the receiver did not take messages


@dataclass(frozen=True, slots=True)
class Message:
    """What one sending carries: deliveries to one address, in the order planned.

    `id` is that of the first delivery. It stays with what it carries until that is settled, so that a repeat carries
    the same.
    """

    id: str
    receiver: str
    deliveries: tuple[Delivery, ...]
    merge: Merge | None = None

    @property
    def attempts(self) -> int:
        """How often it was tried since it was last queued, this time included."""
        return max(delivery.attempts for delivery in self.deliveries)


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver's service took the message; nothing here holds a secret."""

    detail: str = ""
    address: str = ""  # masked
    subject: str = ""  # as it was sent
    digest: str = ""  # SHA-256 of what was sent, in hexadecimal digits


@dataclass(frozen=True, slots=True)
class Failed:
    """The message was not taken; `retryable` says whether waiting may help. Nothing here holds a secret."""

    retryable: bool
    detail: str
    retry_after: timedelta | None = None  # what the service asked for
    address: str = ""  # masked


SendOutcome = Sent | Failed


class AttemptOutcome(StrEnum):
    """How one attempt to send ended."""

    SENT = "sent"
    FAILED = "failed"
    LOST = "lost"  # its worker never came back; whether it was sent is not known


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the ledger of a delivery; `n` counts from 1 over its whole life."""

    n: int
    at: datetime
    outcome: AttemptOutcome
    detail: str
    message: str = ""  # id of the message that carried it
    address: str = ""  # masked


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery with its whereabouts and its ledger, for people."""

    id: str
    item: str  # or whatever else it is about: a feed
    seq: int | None  # of the transition it tells, where it tells one
    receiver: str
    state: DeliveryState
    attempts: int  # since it was last queued
    created_at: datetime
    not_before: datetime
    settled_at: datetime | None  # sent, given up, dropped or silenced
    detail: str  # of the last attempt
    alert: AnyAlert
    ledger: tuple[Attempt, ...] = ()
    alert_id: int = 0
    route: str = ""
    hold: Hold | None = None
    message: str = ""  # id of the message that carries it, once there is one


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as it is stored: what it carries, why that went together, and what was sent."""

    id: str
    receiver: str
    route: str  # of its first delivery
    merge: Merge | None
    composed_at: datetime
    sent_at: datetime | None
    subject: str
    digest: str  # SHA-256 of what was sent
    deliveries: tuple[str, ...]  # ids, in the order planned


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work that waits. `pending` includes deliveries being sent; `oldest_pending` is how long the oldest has been due:
    what is held for quiet hours is not late."""

    unjudged: int
    pending: int
    dead: int
    oldest_pending: timedelta | None
    held: int = 0  # of those pending: for quiet hours, for the next hour, or for others of their event


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether a receiver takes messages. With `opened_at` it has failed again and again: it is asked again at
    `next_at`, with one message, and everything else to it waits."""

    receiver: str
    failures: int = 0  # in a row
    opened_at: datetime | None = None
    next_at: datetime | None = None  # nothing is sent to it before
    last_ok_at: datetime | None = None
    detail: str = ""  # of the last failure
    recovered_at: datetime | None = None  # when it last took a message after a failure: what was planned before is late
    free_at: datetime | None = None  # its rate allows no message before

    def __post_init__(self) -> None:
        require_utc(opened_at=self.opened_at, next_at=self.next_at, last_ok_at=self.last_ok_at)
        require_utc(recovered_at=self.recovered_at, free_at=self.free_at)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the send of a message ended, and when it is to be tried again; None for never."""

    message: str
    outcome: SendOutcome
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a message that was sent, or was not taken."""

    state: DeliveryState  # sent, dead, or pending: to be tried again
    retry_at: datetime | None = None
    opened: bool = False  # its address takes no messages any more
    closed: bool = False  # its address takes messages again


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """An address with what waits for it, for people."""

    circuit: Circuit
    waiting: int = 0  # due, or to be tried again
    held: int = 0
    dead: int = 0
    oldest: timedelta | None = None  # how long the oldest of those that wait has been due


# --- who is told ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which alerts are meant: one word of each condition is enough, all conditions must hold, an empty one holds."""

    watchlists: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    lifecycles: tuple[str, ...] = ()
    states: tuple[str, ...] = ()  # the item goes to, or was told to go to
    severities: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()  # of the best source
    kinds: tuple[AlertKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """Some hours of some days of the week in a time zone; one that ends before it begins goes on past midnight, and
    its days are those it begins on."""

    start: time
    end: time
    days: frozenset[int]  # 0 is Monday
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """When a route tells: never in a `quiet` window, and only in an `active` one where there are any."""

    quiet: tuple[Window, ...] = ()
    active: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """Say it again every so often, at most so many times, until somebody acknowledges it."""

    every: timedelta
    most: int


@dataclass(frozen=True, slots=True)
class Escalation:
    """Tell others what nobody acknowledged in time."""

    after: timedelta
    to: tuple[str, ...]  # address names


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a digest is sent: five fields as in crontab(5), read in a time zone."""

    cron: str
    zone: ZoneInfo
    empty: bool = True  # a digest is sent though there is nothing to say


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to which address names, when and how. The first that matches decides, unless it `proceeds`."""

    to: tuple[str, ...]
    name: str = ""
    when: Conditions = Conditions(kinds=USUAL_KINDS)
    proceeds: bool = False  # the routes after it are asked, too
    wait: timedelta = timedelta(0)  # how long others of the same event are waited for
    hours: Hours = Hours()
    budget: int | None = None  # messages an hour to one address; the rest is one summary
    repeat: Repeat | None = None
    escalate: Escalation | None = None
    digest: Timetable | None = None  # not told one by one: in a digest


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many messages in a length of time."""

    messages: int
    per: timedelta

    @property
    def spacing(self) -> timedelta:
        """The time between two of them."""
        return self.per / self.messages


@dataclass(frozen=True, slots=True)
class Receiver:
    """One address as configured. `url` is Apprise's, or a webhook's own; both it and `secret` appear nowhere."""

    url: str = field(repr=False)
    webhook: bool = False  # gets JSON, signed with `secret` where there is one
    secret: str = field(default="", repr=False)
    rate: Rate | None = None
    picture: bool = False  # a mail carries the item's timeline as a picture
    unsubscribe: str = ""  # mailto: or https: address of a mail's List-Unsubscribe


@dataclass(frozen=True, slots=True)
class Silence:
    """Somebody does not want to be told of some alerts for a time; `id` 0 for one that is not stored yet."""

    when: Conditions
    by: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    id: int = 0
    ended_by: str = ""  # who ended it before its time; `ends_at` is then when

    def __post_init__(self) -> None:
        require_utc(starts_at=self.starts_at, ends_at=self.ends_at)


class ActKind(StrEnum):
    """What a person did about an item or an alert."""

    ACK = "ack"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did, when, and in what words. `alert` is the id of the stored alert that it is about, if any."""

    kind: ActKind
    item: str
    by: str
    at: datetime
    text: str = ""
    alert: int | None = None
    id: int = 0

    def __post_init__(self) -> None:
        require_utc(at=self.at)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A stored alert with what became of it: for reminders, for people and for a board."""

    id: int
    alert: AnyAlert
    created_at: datetime
    reminds_of: int | None  # id of the alert it is a reminder of
    deliveries: tuple[DeliveryRow, ...] = ()  # without their ledgers
    acks: tuple[Act, ...] = ()  # of it, or of what it reminds of
    key: str = ""  # what it tells, once for ever
