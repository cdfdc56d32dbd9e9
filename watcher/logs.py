"""How the log is written: one event name and its fields per line, on stderr, as JSON or for a person's eyes.

Everything that logs, our code and the libraries alike, passes the same chain here, and secrets are masked at its end.
What is worth a line is decided where it happens, never here.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

LEVELS = ("debug", "info", "warning", "error")
MASK = "***"

_USERINFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_TOKEN_BREAKS = re.compile(r"[/:@?&=#,\s]+")
_SHORTEST_TOKEN = 8  # shorter pieces are too likely to be words that a log needs


def configure(form: str, level: str, *, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (stderr) from now on; calling again replaces the former settings.

    `form` is "json", "console", or "auto" (console on a terminal). `level` is one of LEVELS. `secrets` are texts that
    must never be printed, such as receivers' addresses; the tokens inside them are masked too.
    """
    out = stream if stream is not None else sys.stderr
    console = form == "console" or (form == "auto" and out.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        Masking(secrets),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=24)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(out) if stream is not None else _ToStderr(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Libraries tell what we log ourselves, in more words; their warnings are kept.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # warns at each wake-up that finds a job still running
    for name in ("aiohttp", "alembic", "asyncio", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at the time, not what it was when logging was set up."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class Masking:
    """A log processor that masks secrets, passwords in addresses and control characters in every text of an event."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {piece for secret in secrets for piece in _pieces(secret)}
        # Longest first, so that a whole address is masked before a token inside it.
        ordered = sorted(found, key=len, reverse=True)
        self._secret = re.compile("|".join(re.escape(piece) for piece in ordered)) if ordered else None

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in event.items():
            if not key.startswith("_"):
                event[key] = self.mask(value)
        return event

    def mask(self, value: Any) -> Any:
        """Return `value` with the secrets in its texts replaced; containers are walked, other types left alone."""
        if isinstance(value, str):
            if self._secret is not None:
                value = self._secret.sub(MASK, value)
            return _CONTROL.sub(" ", _USERINFO.sub(MASK, value))
        if isinstance(value, Mapping):
            return {key: self.mask(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.mask(inner) for inner in value]
        if isinstance(value, BaseException):
            return self.mask(str(value))
        return value


def _pieces(secret: str) -> Iterable[str]:
    """The whole secret, and its tokens long enough to be one; a piece with a dot is a host or address, not a token."""
    if len(secret) >= _SHORTEST_TOKEN:
        yield secret
    for token in _TOKEN_BREAKS.split(secret):
        if len(token) >= _SHORTEST_TOKEN and "." not in token:
            yield token
