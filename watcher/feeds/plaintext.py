"""Turn the markup that feeds put into titles and summaries into plain text.

What comes out is stored, matched and quoted as it is; nothing downstream unescapes or strips again.
"""

from __future__ import annotations

import html
import re
import unicodedata

import nh3

_LONGEST_MARKUP = 200_000  # characters looked at: whole books in a <description> are not read to the end

_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]*>|!--)")
_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|blockquote|section|article|header|footer|figure|"
    r"figcaption|hr|pre)[\s/>])",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]+);", re.IGNORECASE)
_CLEANER = nh3.Cleaner(tags=set(), attributes={})  # leaves text
# control characters, lone surrogates, byte order marks, soft hyphens, zero-width spaces and bidirectional overrides:
# invisible, and any of them inside a word keeps a phrase from matching. The joiners U+200C/D are letters to some
# scripts and stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def flatten(markup: str, *, max_chars: int, one_line: bool = False) -> str:
    """Return the text a reader would see: tags gone, entities read, white space collapsed, NFC.

    Paragraphs, list items and table cells stay apart by a newline, unless `one_line`: two items of a list are two
    sentences even without full stops. Text escaped twice by mistake is read twice. Longer text is cut between two
    words and ends in an ellipsis.
    """
    if not markup:
        return ""
    text = _read_once(_INVISIBLE.sub("", markup[:_LONGEST_MARKUP]))
    if _ENTITY.search(text) or _TAG.search(text):
        text = _read_once(text)
    return tidy(text, max_chars=max_chars, one_line=one_line)


def tidy(text: str, *, max_chars: int, one_line: bool = False) -> str:
    """Return text that holds no markup as `flatten` returns it: what is invisible dropped, white space collapsed, NFC,
    cut to size."""
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return _cut((" " if one_line else "\n").join(line for line in lines if line), max_chars)


def _read_once(text: str) -> str:
    """Strip one layer of tags and entities; a newline in the result parts two blocks."""
    if _TAG.search(text) is None:
        paragraphs = re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n"))
        return html.unescape("\n".join(" ".join(paragraph.split()) for paragraph in paragraphs))
    text = _BLOCK.sub("\n<", text.replace("\n", " ").replace("\r", " "))
    return html.unescape(_CLEANER.clean(text))


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    head = text[: max_chars - 1]
    at = max(head.rfind(" "), head.rfind("\n"))
    return (head[:at] if at > max_chars // 2 else head).rstrip() + "…"
