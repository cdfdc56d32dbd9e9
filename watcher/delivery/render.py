"""What a message says: its lines, and the forms that are made from them: subject, text, HTML, Slack's mrkdwn.

All forms are made from one list of lines, so none says more than another. Sending is `sender.py`'s work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from watcher.delivery.lines import GAP, Line, Room, link_line, tidy
from watcher.delivery.merged import body, headline, merged_headline, merged_lines, merged_subject, small
from watcher.delivery.mrkdwn import literal
from watcher.delivery.plain import cut, fold, safe_link
from watcher.delivery.templates import SHIPPED, Form, Templates
from watcher.delivery.timeline import Step, tell_timeline
from watcher.delivery.view import MessageView, alert_view, message_view
from watcher.domain.alerts import POLICY_KINDS, Alert, AlertKind, Delivery, Message, SystemAlert
from watcher.domain.followups import FOLLOWED

LONGEST_SUBJECT = 69
LONGEST_SECTION = 2900  # Slack refuses a text block of more than 3,000 characters
LONGEST_SLACK = 8_000  # all of them together, which it takes, and which is still read
LONGEST_SMALL = 5_600  # of the small print, which is two blocks at most
LONGEST_HTML = 90_000  # mail programs cut what is longer than about 100 kB

# Less is shown, step by step, until it fits.
_MAIL_ROOMS = (Room(), Room(300, 2), Room(200, 1), Room(200, 0), Room(120, 0, 50, True), Room(60, 0, 20, True))
_SLACK_ROOMS = (
    Room(), Room(300), Room(200, 3), Room(160, 2), Room(120, 1), Room(60, 0), Room(120, 0, 50, True),
    Room(100, 0, 25, True), Room(60, 0, 10, True),
)  # fmt: skip

SYSTEM, SUMMARY, DOUBTFUL = "#667085", "#344054", "#7A5AF8"
_COLOURS = {"critical": "#B42318", "high": "#DC6803"}
_USUAL = "#1570EF"


class Links(Protocol):
    """Makes the links by which somebody acts on an alert: signed, and good for a time."""

    def ack(self, alert_id: int, receiver: str, now: datetime) -> str:
        """Return the link that acknowledges a stored alert, good from `now` on."""

    def mute(self, item: str, receiver: str, now: datetime) -> str:
        """Return the link that mutes an item for a week, good from `now` on."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as the channels show it. `subject` is one line under 70 characters; no field holds a secret.

    `slack` is all but the heading and the small print, which is `small`; both in mrkdwn. `faults` says which templates
    of the operator's failed, and why.
    """

    subject: str
    text: str
    html: str
    slack: str
    small: str
    colour: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """How messages of one configuration are made: the zone of their times, the address of the board, whoever makes the
    links to act on alerts, and the templates."""

    zone: ZoneInfo
    board: str = ""
    links: Links | None = None
    templates: Templates = SHIPPED


def render(message: Message, look: Look, timeline: Sequence[Step] = ()) -> Rendered:
    """Return what `message` says. `timeline`, where there is one, is told in a line of its own.

    A template of the operator's that fails is told in `faults`, and the shipped one is used instead.
    """
    scene = _Scene(message, look, tuple(timeline))
    page, room = scene.page()
    view = scene.view(room)
    made = {form: look.templates.make(form, view) for form in ("subject", "text")}
    slack, slack_fault = scene.slack()
    faults = (*(one.fault for one in made.values()), page.fault, slack_fault)
    return Rendered(
        subject=cut(fold(made["subject"].text, 500), LONGEST_SUBJECT) or scene.subject,
        text=made["text"].text.strip() + "\n",
        html=page.text,
        slack=slack,
        small=_small(view),
        colour=view.colour,
        faults=tuple(filter(None, faults)),
    )


def _small(view: MessageView) -> str:
    """Return the small print in mrkdwn: as many lines as there is room for, and always the last, which has the id."""
    *lines, last = [literal(line.text) for line in view.lines if line.kind == "small"] or [literal("")]
    kept: list[str] = []
    size = len(last)
    for line in lines:
        size += len(line) + 1
        if size <= LONGEST_SMALL:
            kept.append(line)
    return "\n".join((*kept, last))


def view_of(message: Message, look: Look) -> MessageView:
    """Return what a template sees of `message` with all the room there can be."""
    return _Scene(message, look, ()).view(Room())


def urls_of(delivery: Delivery, links: Links | None) -> tuple[str, str]:
    """Return the links that acknowledge a policy alert and mute its item; empty ones for any other alert, and none that
    acknowledges an early signal, which asks nobody to do anything.

    They are good from when the delivery was planned, so that a repeat carries the same.
    """
    alert = delivery.alert
    if links is None or not isinstance(alert, Alert) or alert.kind not in POLICY_KINDS:
        return "", ""
    since = delivery.created_at or alert.at
    asked = delivery.alert_id and alert.kind in FOLLOWED
    ack = safe_link(links.ack(delivery.alert_id, delivery.receiver, since)) if asked else None
    mute = safe_link(links.mute(alert.item, delivery.receiver, since))
    return ack.url if ack else "", mute.url if mute else ""


def colour_of(message: Message) -> str:
    """Return the colour of a message: by the worst severity it tells, grey where it is about the service itself."""
    alerts = [delivery.alert for delivery in message.deliveries]
    if all(isinstance(alert, SystemAlert) for alert in alerts):
        return SYSTEM
    told = [alert for alert in alerts if isinstance(alert, Alert)]
    if not told:
        return SUMMARY
    for severity, colour in _COLOURS.items():
        if any(alert.severity == severity for alert in told):
            return colour
    doubtful = (AlertKind.EARLY_SIGNAL, AlertKind.DISPUTED)
    return DOUBTFUL if all(alert.kind in doubtful for alert in told) else _USUAL


@dataclass(frozen=True, slots=True)
class _Fitted:
    text: str
    fault: str = ""


class _Scene:
    """One message being made: its lines and its view for a given room, and the forms that must fit."""

    def __init__(self, message: Message, look: Look, timeline: tuple[Step, ...]) -> None:
        self._message = message
        self._look = look
        self._timeline = timeline
        self._views: dict[Room, MessageView] = {}
        self._single = len(message.deliveries) == 1
        first = message.deliveries[0].alert
        zone = look.zone
        self._headline = headline(first, zone) if self._single else merged_headline(message, zone)
        merged = merged_subject(message, zone, LONGEST_SUBJECT) if not self._single else ""
        self.subject = merged or cut(self._headline, LONGEST_SUBJECT)

    def view(self, room: Room) -> MessageView:
        """Return what templates see; shipped ones see no more than the lines."""
        if room not in self._views:
            look, message = self._look, self._message
            shown = message.deliveries[: room.alerts] if look.templates.own else ()
            alerts = tuple(alert_view(one, room, look.zone, self._urls) for one in shown)
            board = safe_link(look.board)
            lines = tidy(self._lines(room))
            told = (self.subject, colour_of(message), board.url if board else "", alerts)
            self._views[room] = message_view(message, lines, *told)
        return self._views[room]

    # --- its lines ------------------------------------------------------------------------------------------------

    def _lines(self, room: Room) -> Iterator[Line]:
        message, zone = self._message, self._look.zone
        yield Line("title", self._headline)
        if self._single:
            yield from body(message.deliveries[0].alert, room, zone)
        else:
            yield from merged_lines(message, room, zone, self._acts)
        yield GAP
        if self._timeline:
            yield Line("fact", tell_timeline(self._timeline, zone), "So far")
            yield GAP
        if self._single:
            yield from self._acts(message.deliveries[0])
        yield from link_line("Board", self._look.board)
        if self._single:
            yield small(message.deliveries[0].alert)
        if message.id:
            told = "Message" if not self._single else "Delivery"
            yield Line("small", f"{told} {fold(message.id, 60)}. A repeat of this message carries the same id.")

    def _acts(self, delivery: Delivery) -> Iterator[Line]:
        ack, mute = self._urls(delivery)
        yield from link_line("Acknowledge", ack)
        yield from link_line("Mute for a week", mute)

    def _urls(self, delivery: Delivery) -> tuple[str, str]:
        return urls_of(delivery, self._look.links)

    # --- forms that must fit --------------------------------------------------------------------------------------

    def page(self) -> tuple[_Fitted, Room]:
        """Return the HTML, and with how much room it was made."""
        return self._fit("html", _MAIL_ROOMS, lambda text: len(text.encode()) <= LONGEST_HTML)

    def slack(self) -> tuple[str, str]:
        """Return the body under a heading that says the subject already, and what was wrong with a template."""

        def fits(text: str) -> bool:
            return len(text) <= LONGEST_SLACK and all(len(line) <= LONGEST_SECTION for line in text.split("\n"))

        fitted, _ = self._fit("slack", _SLACK_ROOMS, fits)
        text = fitted.text.strip()
        return (text if text and fits(text) else literal(self.subject)), fitted.fault

    def _fit(self, form: Form, rooms: Sequence[Room], fits: Callable[[str], bool]) -> tuple[_Fitted, Room]:
        """Return a form made with the most room with which it fits; as the shipped template makes it where the
        operator's fails or never fits, and with the least room where that does not fit either."""
        fault = ""
        if form in self._look.templates.own:
            try:
                for room in rooms:
                    if fits(text := self._look.templates.attempt(form, self.view(room))):
                        return _Fitted(text), room
                fault = f"{form}.j2: what it makes is too long"
            except Exception as error:  # whatever an operator's template may raise
                fault = f"{form}.j2: {type(error).__name__}: {error}"
        for room in rooms:
            text = self._look.templates.shipped(form, self.view(room))
            if fits(text):
                break
        return _Fitted(text, fault), room
