"""Weigh readings: who says it, how close that outlet is to the decision, and which sources are independent.

The decision to change a state is in decision.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from watcher.domain.model import Entry, Evidence, Outlet, Reading, Tier

_SAME_STORY = 90.0  # of 100: titles at least this alike are copies of one story
_SAME_REPORT = 60.0  # of 100: a correction has another verb, and a label before it
_DECORATION = re.compile(r"\s*[(\[].*?[)\]]|[^\w\s]")


class Outlets:
    """Finds the outlet of an entry by the name its feed gives or by its link's host."""

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        self._default = Tier.OTHER if outlets else Tier.PRESS
        self._by_name: dict[str, Outlet] = {}
        self._by_domain: dict[str, Outlet] = {}
        for outlet in outlets:
            for name in (outlet.name, *outlet.names):
                self._by_name.setdefault(_plain(name), outlet)
            for domain in outlet.domains:
                self._by_domain.setdefault(domain.lower(), outlet)

    def of(self, entry: Entry) -> Outlet:
        """Return the outlet; one not configured is its own owner and of tier "other", or "press" where none is."""
        named = self._by_name.get(_plain(entry.source)) or self._by_name.get(entry.source.strip().lower())
        if named is not None:
            return named
        host = _host(entry.link)
        for domain in (entry.source.strip().lower(), *_parents(host)):
            if domain in self._by_domain:
                return self._by_domain[domain]
        return Outlet(entry.source or host or entry.feed or "unknown", self._default)


def _host(link: str) -> str:
    try:
        return urlsplit(link).hostname or ""
    except ValueError:  # "http://[bad"
        return ""


def _parents(host: str) -> list[str]:
    parts = host.lower().removeprefix("www.").split(".")
    return [".".join(parts[i:]) for i in range(len(parts) - 1)]


def _plain(name: str) -> str:
    return " ".join(_DECORATION.sub(" ", name).lower().removeprefix("the ").split())


def weigh(entry: Entry, readings: Sequence[Reading], outlet: Outlet) -> tuple[Evidence, ...]:
    """Turn an entry's readings into evidence of its outlet; ids are stable, so weighing twice gives the same."""
    return tuple(
        Evidence(
            id=_identity(entry, reading),
            item=reading.item,
            entry=entry.id,
            state=reading.state,
            status=reading.status,
            cue=reading.cue,
            quote=reading.quote,
            at=entry.at,
            outlet=outlet.name,
            tier=outlet.tier,
            owner=outlet.owner or outlet.name,
            title=entry.title,
            link=entry.link,
            value=reading.value,
            speaks_for=outlet.of,
            span=reading.span,
            baseline=entry.baseline,
            takes_back=reading.takes_back,
            revision=entry.revision,
        )
        for reading in readings
    )


def _identity(entry: Entry, reading: Reading) -> str:
    parts = (
        reading.item, entry.id, reading.span.field, str(reading.span.start), str(reading.span.end),
        reading.state or "", reading.status.value,
        *([str(entry.revision)] if entry.revision else []),
    )  # fmt: skip
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def independent(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the first of each independent source: outlets of one owner, and copies of one story, count once."""
    kept: list[Evidence] = []
    for e in sorted(evidence, key=lambda e: (e.tier.rank, e.at, e.id)):
        if not any(_one_source(e, other) for other in kept):
            kept.append(e)
    return kept


def same_report(title: str, other: str) -> bool:
    """Whether two titles of one outlet may stand over the same report, one of them corrected."""
    return fuzz.token_sort_ratio(title, other, processor=default_process) >= _SAME_REPORT


def _one_source(a: Evidence, b: Evidence) -> bool:
    return a.owner == b.owner or fuzz.token_sort_ratio(a.title.lower(), b.title.lower()) >= _SAME_STORY
