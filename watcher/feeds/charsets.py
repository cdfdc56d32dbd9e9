"""Bytes to text: which encoding a document is in, whatever it says of itself."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BARE_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
              (b"{\0", "utf-16-le"), (b"\0{", "utf-16-be"))  # fmt: skip
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:+-]{1,40})[\"']", re.IGNORECASE)
_HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]{1,40})", re.IGNORECASE)

# as browsers read them (WHATWG Encoding): the larger sets are what the documents really hold
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
# text in these may happen to be valid UTF-8 as well, so they are believed first
_MULTIBYTE = {
    "gb18030",
    "big5",
    "big5hkscs",
    "cp932",
    "cp949",
    "cp950",
    "euc_jp",
    "iso2022_jp",
    "iso2022_kr",
    "hz",
    "johab",
}
_NOT_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "undefined", "mbcs", "oem"}
_STRAY = "watcher-stray-bytes"


def _read_stray(error: UnicodeError) -> tuple[str, int]:
    """Error handler: read bytes that are not UTF-8 as Windows-1252, which is what they nearly always are."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return stray.decode("cp1252", "replace"), error.end


codecs.register_error(_STRAY, _read_stray)


def decode_body(body: bytes, content_type: str) -> tuple[str, str]:
    """Return the text, and a note when the document is not in the encoding it claims ("" otherwise).

    A byte order mark decides; then UTF-8 if the bytes are valid UTF-8, which text in another single-byte encoding
    practically never is; then what the XML declaration and the HTTP header say. Never fails: in the last resort stray
    bytes are read as Windows-1252.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace"), ""
    for start, encoding in _BARE_WIDE:
        if body.startswith(start):
            return body.decode(encoding, "replace"), ""
    said = [name for name in (_xml_encoding(body), _http_encoding(content_type)) if name]
    multibyte = [name for name in said if name in _MULTIBYTE]
    for encoding in dict.fromkeys([*multibyte, "utf-8", *said]):
        try:
            text = body.decode(encoding)
        except UnicodeError:
            continue
        honest = not said or encoding in said or text.isascii()
        return text, "" if honest else f"says {said[0]}, is {encoding}"
    return body.decode("utf-8", _STRAY), "bytes that are not UTF-8 read as Windows-1252"


def _xml_encoding(body: bytes) -> str:
    m = _XML_ENCODING.match(body[:400])
    return _known(m[1].decode("ascii", "replace")) if m else ""


def _http_encoding(content_type: str) -> str:
    m = _HTTP_CHARSET.search(content_type)
    return _known(m[1]) if m else ""


def _known(label: str) -> str:
    """Return the name of a text encoding that reads bytes of this document, "" for anything else."""
    try:
        info = codecs.lookup(label)
    except (LookupError, ValueError):
        return ""
    name = _SUPERSETS.get(info.name, info.name)
    wide = name.startswith(("utf-16", "utf-32"))  # with no mark and no zero bytes, it is not
    if wide or name in _NOT_CHARSETS or not getattr(info, "_is_text_encoding", True):
        return ""
    return name
