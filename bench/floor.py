"""The least that a poller which reads only what is new must do, as a bound: aiohttp, one expat pass for the ids, what
is unknown through feedparser in two processes, SQLite. No manners, no state, no reading; edits go unseen.

    floor.py DATABASE ADDRESSES
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import sqlite3
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from xml.parsers import expat

AT_ONCE = 100
SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS feed (url TEXT PRIMARY KEY, etag TEXT, modified TEXT, hash BLOB);
CREATE TABLE IF NOT EXISTS entry (url TEXT, id TEXT, title TEXT, link TEXT, date TEXT, text TEXT, UNIQUE (url, id));
"""


def split(body: bytes) -> list[tuple[int, int, str]]:
    """Return begin, end and id of every entry."""
    parser = expat.ParserCreate()
    found: list[tuple[int, int, str]] = []
    begin, texts = -1, list[str]()

    def start(tag: str, _attributes: dict[str, str]) -> None:
        nonlocal begin
        if tag in ("item", "entry"):
            begin = parser.CurrentByteIndex
            texts.clear()
        elif begin >= 0 and tag in ("guid", "id"):
            parser.CharacterDataHandler = texts.append

    def end(tag: str) -> None:
        nonlocal begin
        parser.CharacterDataHandler = None
        if tag in ("item", "entry"):
            found.append((begin, parser.CurrentByteIndex + len(tag) + 3, "".join(texts)))
            begin = -1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(body, True)
    return found


def parse(body: bytes, known: set[str]) -> list[tuple[str, ...]]:
    """Return the entries that are not known."""
    import feedparser

    entries = split(body)
    pieces = [
        body[: entries[0][0]],
        *(body[a:b] for a, b, name in entries if name not in known),
        body[entries[-1][1] :],
    ]
    if len(pieces) == 2:
        return []
    read = feedparser.parse(io.BytesIO(b"".join(pieces)), sanitize_html=False, resolve_relative_uris=False)
    return [tuple(str(e.get(key, "")) for key in ("id", "title", "link", "published", "summary")) for e in read.entries]


async def poll(database: sqlite3.Connection, urls: list[str], pool: ProcessPoolExecutor) -> None:
    """Ask every address once and store what is new."""
    import aiohttp

    hints = {url: rest for url, *rest in database.execute("SELECT * FROM feed")}
    loop, todo = asyncio.get_running_loop(), iter(urls)

    async def work(session: aiohttp.ClientSession) -> None:
        for url in todo:
            etag, modified, digest = hints.get(url, ("", "", b""))
            headers = {"If-None-Match": etag, "If-Modified-Since": modified} if etag else {}
            async with session.get(url, headers=headers) as answer:
                if answer.status != 200:
                    continue
                body = await answer.read()
            fresh = hashlib.sha256(body).digest()
            known = (
                {name for (name,) in database.execute("SELECT id FROM entry WHERE url = ?", (url,))}
                if digest
                else set()
            )
            rows = [] if fresh == digest else await loop.run_in_executor(pool, parse, body, known)
            database.executemany("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?)", [(url, *row) for row in rows])
            told = (url, answer.headers.get("ETag"), answer.headers.get("Last-Modified"), fresh)
            database.execute("INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?)", told)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        await asyncio.gather(*(work(session) for _ in range(AT_ONCE)))


def main(path: str, addresses: str) -> None:
    """Do one round."""
    database = sqlite3.connect(path)
    database.executescript(SCHEMA)
    with ProcessPoolExecutor(2) as pool, database:
        asyncio.run(poll(database, Path(addresses).read_text().split(), pool))


if __name__ == "__main__":
    main(*sys.argv[1:])
