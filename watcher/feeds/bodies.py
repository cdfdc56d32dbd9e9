"""Reading a response body under a limit that counts decompressed bytes.

aiohttp's own decompression is switched off (`auto_decompress=False`): inflating here, with a bound on every call,
means a few kilobytes that would become gigabytes stop at the limit.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Protocol

import brotli

ACCEPT_ENCODING = "gzip, deflate, br"

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP, _ZLIB, _RAW = 31, 15, -15  # window sizes, as zlib names its three wrappings
# what some servers write here by mistake, or to say "nothing was done"
_IDENTITY = {"", "identity", "none", "utf-8", "utf8", "binary"}


class BodyTooLarge(Exception):
    """The body is larger than allowed, before or after decompression."""


class BodyUnreadable(Exception):
    """The body cannot be decompressed; the message says why."""


class Decoder(Protocol):
    """Undoes one Content-Encoding, piece by piece."""

    def feed(self, data: bytes, room: int) -> bytes:
        """Return what the piece decompresses to; BodyTooLarge when that is more than `room` bytes."""

    def finish(self) -> None:
        """Raise BodyUnreadable when the compressed stream is not complete."""


async def read_body(pieces: AsyncIterator[bytes], content_encoding: str, max_bytes: int) -> bytes:
    """Read and decompress a body of at most `max_bytes`, on the wire and after.

    Raises BodyTooLarge or BodyUnreadable; errors of `pieces` pass through. One coding is undone, never a stack of
    them. A gzip body that is not declared is recognised, and an XML or JSON body wrongly declared as gzip is kept.
    """
    decoder: Decoder | None = None
    body = bytearray()
    wire_bytes = 0
    async for piece in pieces:
        wire_bytes += len(piece)
        if wire_bytes > max_bytes:
            raise BodyTooLarge
        if decoder is None:
            decoder = open_decoder(content_encoding, piece)
        body += decoder.feed(piece, max_bytes - len(body))
    if decoder is not None:
        decoder.finish()
    return bytes(body)


def open_decoder(content_encoding: str, first: bytes) -> Decoder:
    """Choose the decoder by the header and, where servers are known to mislabel, by the first bytes."""
    coding = content_encoding.strip().lower()
    if coding in ("gzip", "x-gzip"):
        mislabelled = not first.startswith(_GZIP_MAGIC) and first.lstrip()[:1] in (b"<", b"{")
        return _Plain() if mislabelled else _Inflated(_GZIP)
    if coding == "deflate":
        return _Inflated(_ZLIB if _has_zlib_header(first) else _RAW)
    if coding == "br":
        return _Brotli()
    if coding in _IDENTITY:
        return _Inflated(_GZIP) if first.startswith(_GZIP_MAGIC) else _Plain()
    raise BodyUnreadable("the body is compressed in a way that was not asked for")


def _has_zlib_header(first: bytes) -> bool:
    """RFC 1950, section 2.2. Servers send "deflate" with and without this header; with one byte, assume it is there."""
    if len(first) < 2:
        return True
    return first[0] & 0x0F == 8 and (first[0] * 256 + first[1]) % 31 == 0


class _Plain:
    def feed(self, data: bytes, room: int) -> bytes:
        if len(data) > room:
            raise BodyTooLarge
        return data

    def finish(self) -> None:
        return


class _Inflated:
    """gzip (several members too), zlib or raw deflate."""

    def __init__(self, wrapping: int) -> None:
        self._wrapping = wrapping
        self._stream = zlib.decompressobj(wrapping)
        self._done = False  # nothing but padding is left

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        while data and not self._done:
            out += self._inflate(data, room + 1 - len(out))
            if len(out) > room:
                raise BodyTooLarge
            data = self._next_member(self._stream.unused_data)
        return bytes(out)

    def _inflate(self, data: bytes, limit: int) -> bytes:
        try:
            return self._stream.decompress(data, limit)
        except zlib.error:
            raise BodyUnreadable("the compressed body is damaged") from None

    def _next_member(self, rest: bytes) -> bytes:
        if not self._stream.eof:
            return b""
        if self._wrapping == _GZIP and rest.startswith(_GZIP_MAGIC):
            self._stream = zlib.decompressobj(self._wrapping)
            return rest
        self._done = bool(rest)
        return b""

    def finish(self) -> None:
        if not self._stream.eof:
            raise BodyUnreadable("the compressed body ends early")


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        out = bytearray()
        try:
            while not self._stream.is_finished():
                out += self._stream.process(data, output_buffer_limit=room + 1 - len(out))
                if len(out) > room:
                    raise BodyTooLarge
                if self._stream.can_accept_more_data():
                    break
                data = b""
        except brotli.error:
            raise BodyUnreadable("the compressed body is damaged") from None
        return bytes(out)

    def finish(self) -> None:
        if not self._stream.is_finished():
            raise BodyUnreadable("the compressed body ends early")
