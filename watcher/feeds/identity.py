"""What makes an entry the same entry at the next poll, within its feed."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from urllib.parse import urljoin, urlsplit, urlunsplit

_LONGEST_KEY = 500  # characters; longer ids are hashed
_LONGEST_LINK = 4000

# an absolute address that resolving leaves as it is
_RESOLVED = re.compile(
    r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?/[A-Za-z0-9/._~+-]*(?:\?[A-Za-z0-9/._~+=&%-]+)?\Z"
)

_TRACKING = re.compile(
    r"(?:utm_[a-z0-9_]+|mc_cid|mc_eid|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid|igsh|"
    r"li_fat_id|vero_id|oly_anon_id|oly_enc_id|_hsenc|_hsmi|mkt_tok|cmpid|ocid|ftag|wt\.mc_id|wt_mc|"
    r"at_[a-z]+|ns_[a-z]+|s_cid|ito|soc_src|soc_trk|guccounter|guce_[a-z_]+|ref_src|ref_url|smid|smtyp)\Z",
    re.IGNORECASE,
)


def strip_tracking(link: str) -> str:
    """Return the link without the parameters and the fragment that only say who passed it on.

    Every other parameter stays, in its order, and so does a fragment like #!/story/7: they may name the document.
    """
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    pairs = [pair for pair in parts.query.split("&") if pair and not _TRACKING.match(pair.partition("=")[0])]
    fragment = parts.fragment if parts.fragment.startswith("!") else ""
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", "&".join(pairs), fragment))


def resolve_link(link: str, base: str) -> str:
    """Return the link as an absolute http(s) URL without credentials, or "" when it is none."""
    if len(link) <= _LONGEST_LINK and _RESOLVED.match(link):
        return link
    link = "".join(link.split())
    if not link or len(link) > _LONGEST_LINK:
        return ""
    try:
        given = urlsplit(link)
        if given.scheme and not given.netloc:  # urljoin would read "https://" as the base itself
            return ""
        absolute = urljoin(base, link)
        parts = urlsplit(absolute)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or not absolute.isprintable():
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def derive_key(given: str, link: str, title: str, published: datetime | None) -> str:
    """Choose an entry's key: the id its feed gives it, else its link without tracking, else a hash of title and day.

    A link to a front page names no entry. The day keeps a headline that comes back every week apart; a corrected hour
    on the same day does not make a new entry.
    """
    key = " ".join(given.split())
    if not key.isprintable():
        key = "".join(filter(str.isprintable, key))
    key = key or _name_page(link)
    if key and len(key) <= _LONGEST_KEY:
        return key
    day = published.date().isoformat() if published is not None else ""
    digest = hashlib.sha256((key or f"{title}\n{day}").encode("utf-8", "replace")).hexdigest()
    return f"sha256:{digest}"


def _name_page(link: str) -> str:
    page = strip_tracking(link) if link else ""
    return "" if page.count("/") == 3 and page.endswith("/") else page
