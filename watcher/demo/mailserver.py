"""A real SMTP server on this machine: it records the mails it takes, and refuses them on demand at any step.

It listens on 127.0.0.1 only.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, AnyStr, Generic, Literal, Self, TypeVar, cast
from urllib.parse import quote, urlencode

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOOPBACK = "127.0.0.1"
HANG_UP = ""  # instead of a reply: the connection is closed without one
Step = Literal["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "BEFORE_DATA", "DATA", "QUIT"]
"""CONNECT is the greeting, BEFORE_DATA the command itself, DATA the end of what follows it."""

T = TypeVar("T")


class Record(Generic[T]):
    """What has arrived, in order; safe to read while more arrives."""

    def __init__(self) -> None:
        self._things: list[T] = []
        self._more = threading.Condition()

    def add(self, thing: T) -> None:
        """Append `thing` and wake whoever waits."""
        with self._more:
            self._things.append(thing)
            self._more.notify_all()

    def all(self) -> list[T]:
        """Return a copy of what has arrived so far."""
        with self._more:
            return list(self._things)

    def wait(self, count: int, timeout_s: float = 10.0) -> list[T]:
        """Return once `count` have arrived; TimeoutError, naming how many did, when they do not in time."""
        with self._more:
            if not self._more.wait_for(lambda: len(self._things) >= count, timeout_s):
                raise TimeoutError(f"{len(self._things)} of {count} messages arrived within {timeout_s:g} s")
            return list(self._things)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the server took it: its envelope, its bytes, and how the client came in."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    tls: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """The mail parsed, headers decoded."""
        return email.message_from_bytes(self.data, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return str(self.message["Subject"])

    def part(self, kind: Literal["plain", "html"]) -> str:
        """Return the text of one part with plain line ends; LookupError when the mail has none of that kind."""
        body = self.message.get_body(preferencelist=(kind,))
        if body is None:
            raise LookupError(f"the mail has no {kind} part")
        return str(body.get_content()).replace("\r\n", "\n")


class MailServer:
    """An SMTP server on a port of its own; `with` starts and stops it.

    `refusals` may be changed at any time: the reply to give at a step ("550 5.1.1 no such user"), or HANG_UP. At DATA
    the mail is recorded all the same, as by a server that accepts and then fails to say so.
    """

    def __init__(self, *, login: tuple[str, str] | None = None, tls: ssl.SSLContext | None = None) -> None:
        """`login` is demanded when given; with `tls`, STARTTLS is demanded before anything else."""
        self.login = login
        self.tls = tls
        self.refusals: dict[Step, str] = {}
        self.mails: Record[Mail] = Record()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="demo-smtp", daemon=True)
        self._ready = threading.Event()

    def url(self, *to: str, **parameters: str) -> str:
        """Return the Apprise URL that writes to `to` here, with this server's login."""
        user = f"{quote(self.login[0], safe='')}:{quote(self.login[1], safe='')}@" if self.login else ""
        scheme, host = ("mailtos", "localhost") if self.tls else ("mailto", LOOPBACK)
        options = {"from": "watcher@example.org", "to": ",".join(to)} | ({"mode": "starttls"} if self.tls else {})
        return f"{scheme}://{user}{host}:{self.port}?{urlencode(options | parameters)}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the SMTP server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(self._converse, LOOPBACK, 0))
        self.port = server.sockets[0].getsockname()[1]
        loop.call_soon(self._ready.set)
        loop.run_forever()
        server.close()
        talks = asyncio.all_tasks(loop)
        for talk in talks:
            talk.cancel()
        loop.run_until_complete(asyncio.gather(*talks, return_exceptions=True))
        loop.run_until_complete(server.wait_closed())
        loop.run_until_complete(asyncio.sleep(0))  # lets closed transports say so before the loop goes
        loop.close()

    def _converse(self) -> SMTP:
        return _Conversation(
            _Desk(self),
            hostname="mail.example.org",
            ident="demo",
            tls_context=self.tls,
            require_starttls=self.tls is not None,
            auth_require_tls=self.tls is not None,
            authenticator=self._authenticate,
            loop=self._loop,
        )

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        if refusal := self.refusals.get("AUTH"):
            return AuthResult(success=False, handled=False, message=refusal)
        known = self.login is not None and isinstance(data, LoginPassword) and data == _encoded(self.login)
        return AuthResult(success=known, handled=False, auth_data=data)


def _encoded(login: tuple[str, str]) -> LoginPassword:
    return LoginPassword(login[0].encode(), login[1].encode())


class _Conversation(SMTP):
    """SMTP, but the greeting, and commands that the library asks nobody about, can be refused."""

    _greeted = False

    async def _refused(self, step: Step) -> bool:
        """Give the reply that was ordered for a step, where one was."""
        refusal = self.event_handler.server.refusals.get(step)
        if refusal is None:
            return False
        if refusal == HANG_UP:
            _transport(self).abort()
        else:
            await super().push(refusal)
        return True

    async def smtp_EHLO(self, hostname: str) -> None:
        """Answer EHLO."""
        if not await self._refused("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:
        """Answer HELO, which follows a refused EHLO, in the same way."""
        if not await self._refused("EHLO"):
            await super().smtp_HELO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Answer STARTTLS."""
        if not await self._refused("STARTTLS"):
            await super().smtp_STARTTLS(arg)

    async def smtp_DATA(self, arg: str) -> None:
        """Answer DATA, before anything follows it."""
        if not await self._refused("BEFORE_DATA"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        """Answer QUIT."""
        if not await self._refused("QUIT"):
            await super().smtp_QUIT(arg)

    async def push(self, status: AnyStr) -> None:
        """Send one reply; the first of a connection is the greeting."""
        refusal = None if self._greeted else self.event_handler.server.refusals.get("CONNECT")
        self._greeted = True
        if refusal is None:
            await super().push(status)
            return
        if refusal != HANG_UP:
            await super().push(refusal)
        _transport(self).close()


def _transport(smtp: SMTP) -> asyncio.WriteTransport:
    return cast(asyncio.WriteTransport, smtp.transport)


class _Desk:
    """What aiosmtpd asks at each step; one for each connection."""

    def __init__(self, server: MailServer) -> None:
        self.server = server

    def _refusal(self, step: Step, smtp: SMTP) -> str | None:
        reply = self.server.refusals.get(step)
        if reply == HANG_UP:
            _transport(smtp).abort()
            return "421 4.3.2 closing"  # nobody hears it
        return reply

    async def handle_MAIL(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender, unless a login is demanded and has not been given."""
        if reply := self._refusal("MAIL", smtp):
            return reply
        if self.server.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        if reply := self._refusal("RCPT", smtp):
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        """Record the mail, then answer; a refused one is recorded too when the connection is hung up on it."""
        refusal = self.server.refusals.get("DATA")
        if refusal in (None, HANG_UP):
            user = cast(LoginPassword, session.auth_data).login.decode() if session.authenticated else None
            self.server.mails.add(
                Mail(
                    sender=envelope.mail_from or "",
                    recipients=tuple(envelope.rcpt_tos),
                    data=cast(bytes, envelope.content),
                    tls=session.ssl is not None,
                    user=user,
                )
            )
        return self._refusal("DATA", smtp) or "250 2.0.0 taken"
