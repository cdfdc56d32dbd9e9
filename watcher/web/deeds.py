"""The pages behind the links in messages: acknowledge an alert, mute an item. GET shows what would be done, POST does
it, once.

Mail scanners and previews follow links, so nothing at all happens on GET. The pages hold no script, set no cookie and
load nothing; a token is written to no page and no log.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined

from watcher.config.settings import Settings
from watcher.delivery.links import MUTED_FOR, PATH, Claim, Deed, Links, Refusal
from watcher.domain.alerts import Alert, AlertRow, Conditions, Silence
from watcher.domain.model import Item
from watcher.errors import StoreError, UsageError
from watcher.storage.store import Store

__all__ = ["HEADERS", "PATH", "Deeds", "Page"]

log = structlog.get_logger("watcher")

BY_LINK = "by the link in a message"
_STYLE = (
    "body{margin:0;font:1.1rem/1.5 system-ui,sans-serif;color:#222;background:#fff}"
    "main{max-width:34rem;margin:0 auto;padding:2rem 1rem;overflow-wrap:anywhere}"
    "h1{font-size:1.4rem;line-height:1.3}"
    "button{font:inherit;padding:.7rem 1.4rem;border:0;border-radius:.3rem;color:#fff;background:#14532d}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_PAGE = Environment(
    loader=PackageLoader("watcher.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
).get_template("deed.html")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a browser."""

    status: HTTPStatus
    html: str


class Deeds:
    """Shows and does what links ask for; `settings` are asked for anew each time, for they may be loaded again."""

    def __init__(self, store: Store, settings: Callable[[], Settings], clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def show(self, token: str) -> Page:
        """Say what a link would do; nothing happens."""
        return self._answer(token, do=False)

    def do(self, token: str) -> Page:
        """Do what a link asks for, unless it is done already; the page says which."""
        return self._answer(token, do=True)

    def _answer(self, token: str, *, do: bool) -> Page:
        settings, now = self._settings(), self._clock()
        links = Links.of(settings.board, settings.link_secret, settings.links_valid)
        claim = links.read(token, now) if links else Refusal.WRONG
        if claim is Refusal.EXPIRED:
            return _plain(HTTPStatus.GONE, "This link has expired", "Links in messages are good for a time only.")
        if isinstance(claim, Refusal):
            return _plain(
                HTTPStatus.FORBIDDEN, "This link is not valid", "It was not made by this service, or not as it is."
            )
        try:
            return (self._ack if claim.deed is Deed.ACK else self._mute)(settings, claim, now, do=do)
        except StoreError:
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "Not now", "The database cannot be reached. Try again soon.")
        except UsageError:
            return _gone()

    # --- acknowledge --------------------------------------------------------------------------------------------------

    def _ack(self, settings: Settings, claim: Claim, now: datetime, *, do: bool) -> Page:
        number = int(claim.subject)
        rows = self._store.alerts(ids=(number,))
        if not rows or not isinstance(rows[0].alert, Alert):
            return _gone()
        row, alert = rows[0], rows[0].alert
        what = (_change(alert), f"Told as of {_moment(alert.at, settings)}.")
        if row.acks:
            return _plain(HTTPStatus.OK, alert.title, *what, _acked(row, settings))
        if not do:
            ask = f"Acknowledge it as {claim.receiver}: nobody is reminded of it any more."
            return _plain(HTTPStatus.OK, alert.title, *what, ask, button="Acknowledge")
        if self._store.acknowledge(number, claim.receiver, BY_LINK, now):
            log.info("link.used", deed=claim.deed.value, alert=number, item=alert.item, receiver=claim.receiver)
            return _plain(HTTPStatus.OK, alert.title, *what, f"Acknowledged by {claim.receiver}.")
        return _plain(HTTPStatus.OK, alert.title, *what, "It was acknowledged already.")

    # --- mute ---------------------------------------------------------------------------------------------------------

    def _mute(self, settings: Settings, claim: Claim, now: datetime, *, do: bool) -> Page:
        item = next((one for one in settings.rules.items if one.id == claim.subject), None)
        if item is None:
            return _gone()
        asked = Silence(Conditions(items=(item.id,)), claim.receiver, BY_LINK, now, now + MUTED_FOR)
        if known := self._store.silence_since(asked, claim.issued):
            return self._muted(settings, item, known, now)
        if not do:
            until = _moment(asked.ends_at, settings)
            ask = f"Mute it as {claim.receiver} for {MUTED_FOR.days} days, until {until}: nobody is told of it."
            return _plain(HTTPStatus.OK, item.title, ask, "It is watched as before.", button="Mute")
        kept = self._store.silence_once(asked, claim.issued, now)
        if kept is None:
            return _plain(HTTPStatus.OK, item.title, "It was muted already.")
        log.info("link.used", deed=claim.deed.value, item=item.id, receiver=claim.receiver, silence=kept.id)
        return _plain(HTTPStatus.OK, item.title, f"Muted by {kept.by} until {_moment(kept.ends_at, settings)}.")

    @staticmethod
    def _muted(settings: Settings, item: Item, known: Silence, now: datetime) -> Page:
        until = _moment(known.ends_at, settings)
        ended = f", ended by {known.ended_by}" if known.ended_by else ""
        said = f"It was muted by this link already, until {until}{ended}."
        return _plain(HTTPStatus.OK, item.title, said, "" if now < known.ends_at else "That is over.")


def _plain(status: HTTPStatus, title: str, *lines: str, button: str = "") -> Page:
    told = [line for line in lines if line]
    return Page(status, _PAGE.render(title=title, lines=told, button=button, style=_STYLE))


def _gone() -> Page:
    return _plain(HTTPStatus.GONE, "Nothing to do", "What this link is about is no longer watched.")


def _change(alert: Alert) -> str:
    before, after = (
        f"{label} ({value})" if value else label
        for label, value in ((alert.from_label, alert.from_value), (alert.to_label, alert.to_value))
    )
    return f"{before} → {after}"


def _acked(row: AlertRow, settings: Settings) -> str:
    first = row.acks[0]
    return f"It was acknowledged already, by {first.by}, {_moment(first.at, settings)}."


def _moment(at: datetime, settings: Settings) -> str:
    return at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M %Z")
