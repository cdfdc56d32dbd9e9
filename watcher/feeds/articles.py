"""The text of an article's page, freed of everything around it. trafilatura, an extra, stays behind this door."""

from __future__ import annotations

from importlib.util import find_spec

from watcher.errors import UsageError
from watcher.feeds.charsets import decode_body
from watcher.feeds.plaintext import tidy

MAX_ARTICLE_CHARS = 12_000  # news comes first; what follows is background
MIN_ARTICLE_CHARS = 150  # less is what a consent page or an error says
MAX_ARTICLE_BYTES = 3_000_000
EXTRA = "articles"


def require_articles() -> None:
    """Raise UsageError, naming the extra, where the library that reads articles is not installed."""
    if find_spec("trafilatura") is None:
        raise UsageError(f"full_text needs the extra `{EXTRA}`: pip install 'policy-watcher[{EXTRA}]'")


def read_article(body: bytes, content_type: str) -> str:
    """Return the main text of a page, a paragraph a line; "" when none is found, whatever came. Nothing is fetched."""
    from trafilatura import extract

    if body.lstrip()[:5] == b"%PDF-" or b"\0" in body[:1000]:
        return ""
    text, _ = decode_body(body, content_type)
    try:
        found = extract(text, include_comments=False, include_tables=False, favor_precision=True, deduplicate=False)
    except Exception:
        # a hostile page may trip anything in the library and below it; none of it is ours
        return ""
    article = tidy(found or "", max_chars=MAX_ARTICLE_CHARS)
    return article if len(article) >= MIN_ARTICLE_CHARS else ""
