"""Pages that stand between a client and what it asked for: told by general signs, never by a publisher's name.

Only pages that came instead of something else are looked at; an article about captchas is none of our business here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from watcher.feeds.documents import FeedBroken


class Wall(StrEnum):
    """What stands there."""

    BOT = "a bot wall"  # wants to see that a person asks
    CONSENT = "a consent page"  # wants a choice about cookies first
    LOGIN = "a login page"


class FeedBlocked(FeedBroken):
    """A wall instead of a feed; the message names it."""


_LOOK_AT = 65_536  # bytes
_TAGS = re.compile(r"<(script|style|svg)\b.*?(?:</\1\s*>|\Z)|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,300})", re.IGNORECASE)
_SHORT = 3_000  # characters of text; walls say little, articles more

# headers that only a wall sends, or sends with this value
_HEADERS = {"cf-mitigated": "challenge", "x-amzn-waf-action": "", "x-datadome": "protected", "x-px-block": ""}
_BOT_MARKS = re.compile(
    r"challenge-form|cf-chl-|cf_chl_opt|/cdn-cgi/challenge-platform/h/|captcha-delivery|px-captcha|g-recaptcha|h-captcha"
    r"|hcaptcha\.com|turnstile|_incapsula_resource|aws-waf-token|awswafcookie|ddos-guard|geo\.captcha",
    re.IGNORECASE,
)
_BOT_WORDS = re.compile(
    r"just a moment|checking (?:if|your|that) |are you (?:a )?(?:robot|human)|you are (?:not )?a (?:robot|human|bot)"
    r"|verif(?:y|ying) (?:that )?you(?: are|['’]re) (?:not a (?:ro)?bot|(?:a )?human)|human verification"
    r"|security check|attention required|pardon our interruption|unusual traffic|automated (?:access|requests|queries)"
    r"|access (?:to this page )?(?:has been |is )?denied|enable javascript and cookies|request (?:was )?unsuccessful"
    r"|bot (?:detection|protection)|ddos protection",
    re.IGNORECASE,
)
_CONSENT_WORDS = re.compile(
    r"before you continue|accept all|(?:we|our partners) use cookies|cookies? (?:consent|preferences|settings)"
    r"|your privacy choices|reject all|manage (?:my )?(?:choices|preferences)|consent to (?:the )?(?:use|cookies)",
    re.IGNORECASE,
)
_CONSENT_FORM = re.compile(r"<form[^>]+action=[\"'][^\"']*consent|id=[\"'][^\"']*(?:consent|gdpr|cmp)", re.IGNORECASE)
_PASSWORD = re.compile(r"<input[^>]+type=[\"']?password", re.IGNORECASE)


def name_wall(body: bytes, *, url: str = "", headers: Mapping[str, str] | None = None) -> Wall | None:
    """Say what kind of wall a page is, None when it shows no sign of one; `url` is where it came from in the end."""
    given = {name.lower(): value.lower() for name, value in (headers or {}).items()}
    if any(name in given and value in given[name] for name, value in _HEADERS.items()):
        return Wall.BOT
    page = body[:_LOOK_AT].decode("utf-8", "replace")
    if "<" not in page:
        return None
    title = " ".join(m[1].split()) if (m := _TITLE.search(page)) else ""
    text = " ".join(_TAGS.sub(" ", page).split())
    short = len(text) <= _SHORT
    if _BOT_WORDS.search(title) or (short and (_BOT_MARKS.search(page) or _BOT_WORDS.search(text))):
        return Wall.BOT
    asked = "consent" in (urlsplit(url).hostname or "") or "/consent" in urlsplit(url).path
    if asked or (short and (_CONSENT_FORM.search(page) or len(_CONSENT_WORDS.findall(text)) >= 2)):
        return Wall.CONSENT
    return Wall.LOGIN if short and _PASSWORD.search(page) else None
