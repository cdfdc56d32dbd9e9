"""A farm of feeds on loopback: N feeds of 30 entries with HTML (35 KB on average) that change when told to.

    farm.py --feeds 1000 --port 8123 [--hosts 250] [--latency 100] [--changed 0.1] [--new 3]

    /CLIENT/7.xml    feed 7 as this client sees it: RSS 2.0 or Atom, with ETag and Last-Modified, answers 304
    /CLIENT/tick     one tick: `changed` of the feeds get `new` entries at the top; /CLIENT/tick?2 a hundredth of them
    /CLIENT/urls     every address, over 127.0.0.1 to 127.0.0.HOSTS
    /CLIENT/stats    requests and answers since the last time, as JSON

Each client has its own state, so that those compared do not age each other's feeds. All text is invented, and follows
from the number of the feed and the entry. An entry's id ends with the milliseconds of its publication.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from html import escape

from reading import ACTS, COUNTRIES, FILLERS, PEOPLE, SUBJECTS

PARAGRAPHS = 3_000
EPOCH = 1_750_000_000  # when the entries that were there from the start were published, an hour apart


def headline(chance: random.Random) -> str:
    """Return one invented headline."""
    country, people, act = chance.choice(COUNTRIES), chance.choice(PEOPLE), chance.choice(ACTS)
    return f"{country}: {people} {act} {chance.choice(SUBJECTS)} {chance.choice(FILLERS)}"


def paragraphs() -> list[str]:
    """Return pieces of HTML as newspapers write them, 350 characters on average."""
    chance = random.Random(1)
    pieces = []
    for number in range(PARAGRAPHS):
        text = ". ".join(headline(chance) for _ in range(chance.randint(2, 5)))
        kind = number % 5
        if kind == 0:
            pieces.append(f'<p><img src="/img/{number}.jpg" alt="picture" width="640"> {text}.</p>')
        elif kind == 1:
            pieces.append("<ul>" + "".join(f"<li>{line}</li>" for line in text.split(". ")) + "</ul>")
        else:
            pieces.append(f'<p class="text">{text}. <a href="../story/{number}?ref=rss&amp;n=1">Read&nbsp;more</a></p>')
    return pieces


@dataclass
class View:
    """The farm as one client sees it."""

    published: list[list[int]]  # milliseconds of each feed's entries beyond those of the start
    ticks: int = 0
    counts: Counter[str] = field(default_factory=Counter)


class Farm:
    """Renders feeds; nothing is kept but when what was published."""

    def __init__(self, feeds: int, entries: int, new: int, changed: float) -> None:
        self.feeds, self.entries, self.new, self.changed = feeds, entries, new, changed
        self.views: dict[str, View] = {}
        self._pieces = paragraphs()

    def view(self, client: str) -> View:
        """Return a client's view, made at its first request."""
        if client not in self.views:
            self.views[client] = View([[] for _ in range(self.feeds)])
        return self.views[client]

    def tick(self, client: str, share: float) -> int:
        """Publish in this share of the feeds, others each time; return in how many."""
        view = self.view(client)
        count = max(1, round(self.feeds * share))
        now = round(time.time() * 1000)
        for n in range(count):
            view.published[(view.ticks + n) * 7919 % self.feeds] += [now] * self.new
        view.ticks += count
        return count

    def body(self, n: int, published: list[int]) -> bytes:
        """Render a feed."""
        last = self.entries + len(published)
        render = self._atom if n % 5 < 2 else self._rss
        moments = {self.entries + k: moment for k, moment in enumerate(published)}
        return render(
            n, [(k, moments.get(k, (EPOCH + k * 3600) * 1000)) for k in range(last - 1, len(published) - 1, -1)]
        )

    def _texts(self, n: int, k: int) -> tuple[str, str]:
        chance = random.Random(zlib.crc32(b"%d %d" % (n, k)))
        return headline(chance), "".join(chance.choice(self._pieces) for _ in range(chance.randint(1, 4)))

    def _rss(self, n: int, entries: list[tuple[int, int]]) -> bytes:
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<channel><title>Feed {n}</title><link>https://feed{n}.example/</link><language>en</language><ttl>60</ttl>"
        ]
        for k, moment in entries:
            title, text = self._texts(n, k)
            body = f"<![CDATA[{text}]]>" if n % 2 else escape(text)
            parts.append(
                f"<item><title>{escape(title)}</title><link>https://feed{n}.example/story/{k}</link>"
                f'<guid isPermaLink="false">tag:feed{n}:{k}:{moment}</guid>'
                f"<pubDate>{formatdate(moment / 1000)}</pubDate><dc:creator>Author {k % 40}</dc:creator>"
                f"<category>news</category><description>{body}</description></item>"
            )
        return "\n".join((*parts, "</channel></rss>")).encode()

    def _atom(self, n: int, entries: list[tuple[int, int]]) -> bytes:
        parts = [
            '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
            f"<title>Feed {n}</title><id>tag:feed{n}</id>"
        ]
        for k, moment in entries:
            title, text = self._texts(n, k)
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment / 1000))
            parts.append(
                f'<entry><title type="html">{escape(escape(title))}</title>'
                f'<link href="https://feed{n}.example/story/{k}"/>'
                f"<id>tag:feed{n}:{k}:{moment}</id><published>{at}</published><updated>{at}</updated>"
                f'<author><name>Author {k % 40}</name></author><summary type="html">{escape(text)}</summary></entry>'
            )
        return "\n".join((*parts, "</feed>")).encode()


class Server(asyncio.Protocol):
    """Just enough of HTTP/1.1 to keep connections open and to be quick about it."""

    def __init__(self, farm: Farm, latency_s: float, hosts: int, port: int) -> None:
        self._farm, self._latency_s, self._hosts, self._port = farm, latency_s, hosts, port
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request; nobody here sends a second one before the answer."""
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if end:
            self._received = rest
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            _, client, what = lines[0].split(" ")[1].split("/", 2)
            if what.endswith(".xml"):
                answer = self._feed(client, int(what[:-4]), headers)
                asyncio.get_running_loop().call_later(self._latency_s, self._transport.write, answer)
            else:
                self._transport.write(_answer("200 OK", self._manage(client, what)))

    def _feed(self, client: str, n: int, headers: dict[str, str]) -> bytes:
        view = self._farm.view(client)
        published = view.published[n]
        etag, modified = f'"{n}-{len(published)}"', formatdate(EPOCH + len(published), usegmt=True)
        said = f"ETag: {etag}\r\nLast-Modified: {modified}\r\n"
        view.counts["requests"] += 1
        asked = headers.get("if-none-match")
        if (asked == etag) if asked else headers.get("if-modified-since") == modified:
            view.counts["304"] += 1
            return _answer("304 Not Modified", b"", said)
        return _answer("200 OK", self._farm.body(n, published), f"{said}Content-Type: application/xml\r\n")

    def _manage(self, client: str, what: str) -> bytes:
        if what.startswith("tick"):
            share = self._farm.changed * (0.01 if what.endswith("?2") else 1)
            return b"%d" % self._farm.tick(client, share)
        if what == "urls":
            places = (f"http://127.0.0.{1 + n % self._hosts}:{self._port}" for n in range(self._farm.feeds))
            return "".join(f"{place}/{client}/{n}.xml\n" for n, place in enumerate(places)).encode()
        counts = self._farm.view(client).counts
        answer = json.dumps(counts).encode()
        counts.clear()
        return answer


def _answer(status: str, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM; says on stdout when it is ready."""
    farm = Farm(options.feeds, options.entries, options.new, options.changed)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    told = (farm, options.latency / 1000, options.hosts, options.port)
    for host in range(options.hosts):
        await loop.create_server(lambda: Server(*told), f"127.0.0.{1 + host}", options.port, backlog=1024)
    print("ready", flush=True)
    await over.wait()


def main() -> None:
    """Read the arguments and serve."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--feeds", type=int, default=1000)
    arguments.add_argument("--port", type=int, default=8123)
    arguments.add_argument("--hosts", type=int, default=250)
    arguments.add_argument("--latency", type=float, default=0, help="milliseconds before each answer")
    arguments.add_argument("--changed", type=float, default=0.1)
    arguments.add_argument("--entries", type=int, default=30)
    arguments.add_argument("--new", type=int, default=3)
    asyncio.run(serve(arguments.parse_args()))


if __name__ == "__main__":
    main()
