"""How a send through Apprise ended: told from its log, for it answers with yes or no.

What can be retried is told from what cannot; nothing is passed on as it is, for it may hold secrets.
"""

from __future__ import annotations

import re
from datetime import timedelta

from apprise.plugins import NotifyBase
from apprise.result import AppriseResult, AppriseResultStatus

from watcher.delivery.addresses import MAIL, SEND_LIMIT_S, SLACK, scrub
from watcher.domain.alerts import Failed, SendOutcome, Sent

# Apprise does not hand on a server's Retry-After; a minute is what Slack asks for at most in practice.
SLOW_DOWN = timedelta(minutes=1)
WORTH_WAITING = (408, 425, 429)
"""HTTP's 4xx that may pass."""

_HTTP = re.compile(r"\berror\s*[=:]\s*(\d{3})\b")
_SMTP = re.compile(r"\((\d{3}), b?['\"]|\brefused: (\d{3})\b")
_RETRY_AFTER = re.compile(r"retry.?after\D{0,12}(\d{1,5})\b", re.IGNORECASE)
# The lines Apprise writes at DEBUG that hold a server's answer; its other ones hold addresses and messages.
_ANSWERS = ("Socket Exception:", "Response Details:", "Notification Exception:")

# Slack's API answers a bot with 200 and a word: https://docs.slack.dev/reference/methods/chat.postMessage#errors
_WORD = re.compile(r"\"ok\"\s*:\s*false.*?\"error\"\s*:\s*\"([a-z_]+)\"|\"error\"\s*:\s*\"([a-z_]+)\"")
_BUSY = frozenset(("ratelimited", "rate_limited", "message_limit_exceeded"))
_PASSING = _BUSY | {
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
    "external_channel_migrating", "accesslimited",
}  # fmt: skip


def outcome_of(service: NotifyBase, result: AppriseResult, secrets: frozenset[str]) -> SendOutcome:
    """Say how a send ended; no detail holds one of `secrets`.

    Permanent is what the server itself called so: an HTTP 4xx but 408, 425 and 429, an SMTP 5yz, a word of Slack's
    that does not pass by itself. Whatever cannot be told is worth another try.
    """
    if result:
        return Sent(f"{service.service_name} took it")
    if result.status is AppriseResultStatus.TIMEOUT:
        return Failed(
            True, f"{service.service_name} did not answer within {SEND_LIMIT_S:g} s; it may still have sent it"
        )
    told = [entry.message for entry in result.logs() if entry.level != "DEBUG" or entry.message.startswith(_ANSWERS)]
    said = " ".join(told)
    detail = scrub(said, secrets) or f"{service.service_name} did not take it and did not say why"
    permanent, slow = read_answers(service.schema, said)
    return Failed(not permanent, detail, None if permanent else slow)


def read_answers(schema: str, said: str) -> tuple[bool, timedelta | None]:
    """Read what Apprise wrote of one send: whether it is permanent, and how long the server wants to be left alone."""
    if schema in MAIL:
        codes = [int(first or second) for first, second in _SMTP.findall(said)]
        return bool(codes) and all(code >= 500 for code in codes), None
    codes = [int(code) for code in _HTTP.findall(said)]
    words = {first or second for first, second in _WORD.findall(said)} if schema in SLACK else set()
    if words and set(codes) <= {200}:
        return not words & _PASSING, SLOW_DOWN if words & _BUSY else None
    permanent = bool(codes) and all(400 <= code < 500 and code not in WORTH_WAITING for code in codes)
    return permanent, None if permanent else _wish(said, codes)


def _wish(said: str, codes: list[int]) -> timedelta | None:
    """What the server asks for where a plugin tells it, else a minute when it said 429."""
    if found := _RETRY_AFTER.search(said):
        return timedelta(seconds=int(found.group(1)))
    return SLOW_DOWN if 429 in codes else None
