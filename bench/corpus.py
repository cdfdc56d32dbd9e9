"""Hold our reading of feeds against feedparser's own test feeds: no crash, the same entries, whole or in slices.

    corpus.py [--into FOLDER]     gets feedparser's source distribution with pip, as the environment's pip is set up

Every file is read three times: by feedparser alone, by `parse`, and by `parse` with some of its entries known. An
unexplained difference is printed and ends the run with status 1.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import feedparser

from watcher.feeds import parse as parsing
from watcher.feeds.documents import read_document
from watcher.feeds.entries import Parsed, ParsedEntry, assemble
from watcher.feeds.parse import FeedBroken, parse
from watcher.feeds.slices import MARK_BYTES, find_slices
from watcher.feeds.sparing import nothing_spared

URL = "https://corpus.example/feeds/one.xml"
ROUNDS = 4  # random choices of known entries a file
_HEADER = re.compile(rb"^Header:\s*([\w-]+)\s*:\s*(.+?)\s*$", re.MULTILINE)
JUSTIFIED: dict[str, Callable[[str, str], bool]] = {
    # neither knows the encoding: feedparser takes all of the document for one, we what is UTF-8 for that
    "no encoding fits, both guess": lambda _, notes: "not UTF-8" in notes,
    "the name of a picture inside a category is no headline": lambda name, _: name.endswith("item_category_image.xml"),
}
_FEEDS = (".xml", ".rdf", ".rss", ".atom", ".json", ".cdf")


def main() -> int:
    """Run it; the exit status."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--into", type=Path, help="where the distribution is kept; a temporary folder if not given")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.into or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        tally, faults = Counter[str](), list[str]()
        for name, body in feeds(folder):
            tally["files"] += 1
            check(name, body, tally, faults, random.Random(f"{options.seed} {name}"))
    for what, count in sorted(tally.items()):
        print(f"{count:6}  {what}")
    for fault in faults:
        print(f"FAULT {fault}")
    if tally["files"] < 1000:
        print("FAULT the distribution holds fewer than 1,000 feeds: is it the right one?")
        return 1
    return 1 if faults else 0


def feeds(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every feed in feedparser's source distribution, downloaded if it is not there yet."""
    wanted = f"feedparser=={version('feedparser')}"
    if not list(folder.glob("feedparser-*.tar.gz")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps", wanted]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with tarfile.open(next(iter(sorted(folder.glob("feedparser-*.tar.gz"))))) as archive:
        for member in archive:
            inside = member.name.partition("/")[2]
            if member.isfile() and inside.startswith("tests/") and inside.endswith(_FEEDS):
                file = archive.extractfile(member)
                assert file is not None
                yield inside, file.read()


# --- one file -------------------------------------------------------------------------------------


def check(name: str, body: bytes, tally: Counter[str], faults: list[str], chance: random.Random) -> None:
    """Read one file in every way and note what differs."""
    headers = {key.decode().lower(): value.decode("latin-1") for key, value in _HEADER.findall(body[:2000])}
    kind = headers.get("content-type", "")
    theirs = alone(body, kind)
    try:
        ours = parse(body, url=URL, content_type=kind)
    except FeedBroken as broken:
        tally[f"broken: {re.sub(r'<.*?>', '<…>', str(broken)).partition(' (')[0]}"] += 1
        if theirs:
            explain(name, f"refused ({broken})", theirs, (), tally, faults)
        return
    except Exception as error:
        faults.append(f"{name}: {type(error).__name__}: {error}")
        return
    if ours.entries == theirs:
        tally["same entries as feedparser alone"] += 1
    else:
        explain(name, ours.degraded, theirs, ours.entries, tally, faults)
    if ours.entries:
        tally["can be sliced" if ours.marks else "has entries and is read whole only"] += 1
    company = escorted(body, kind)
    tally["can be sliced in company"] += company is not None
    for variant, document in (("", body), (" in company", company)):
        if document is not None and (fault := in_slices(document, kind, tally, chance)):
            faults.append(f"{name}{variant}: {fault}")


def alone(body: bytes, kind: str) -> tuple[ParsedEntry, ...]:
    """Return the entries that feedparser finds by itself, in our plain text and order."""
    headers = {"content-type": kind} if kind else {}
    with nothing_spared():
        result = feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    language = parsing._text(result.feed, "language")
    raws = [parsing._read_entry(entry, language) for entry in result.entries]
    return assemble(raws, url=URL, max_entries=500)[0]


def explain(
    name: str,
    notes: str,
    theirs: tuple[ParsedEntry, ...],
    ours: tuple[ParsedEntry, ...],
    tally: Counter[str],
    faults: list[str],
) -> None:
    """Count a difference under its reason, or note it as a fault."""
    for reason, justified in JUSTIFIED.items():
        if justified(name, notes):
            tally[f"other entries: {reason}"] += 1
            return
    faults.append(f"{name}: {notes!r}\n   theirs {theirs}\n   ours   {ours}")


# --- in slices ------------------------------------------------------------------------------------


def in_slices(body: bytes, kind: str, tally: Counter[str], chance: random.Random) -> str:
    """Return what is wrong when some entries are known: they are to be left out and nothing else may change."""
    whole = parse(body, url=URL, content_type=kind)
    marks = [whole.marks[at : at + MARK_BYTES] for at in range(0, len(whole.marks), MARK_BYTES)]
    if not marks:
        return ""
    by_mark = {mark: set(whole.entries) - set(again(body, kind, mark).entries) for mark in marks}
    for _ in range(ROUNDS):
        known = [mark for mark in marks if chance.random() < 0.5]
        part = again(body, kind, b"".join(known))
        left_out = set().union(*(by_mark[mark] for mark in known)) if known else set()
        expected = tuple(entry for entry in whole.entries if entry not in left_out)
        tally["readings with known entries"] += 1
        if (part.entries, part.title, part.degraded, part.every, part.marks) != (
            expected, whole.title, whole.degraded, whole.every, whole.marks,
        ):  # fmt: skip
            return f"with {len(known)} of {len(marks)} known\n   expected {expected}\n   read     {part}"
    return ""


def again(body: bytes, kind: str, known: bytes) -> Parsed:
    """Read it with these marks known."""
    return parse(body, url=URL, content_type=kind, known=known)


def escorted(body: bytes, kind: str) -> bytes | None:
    """Return the document with plain entries before and after its own, and a title and an id in each of its own: most
    of the files have one entry that says next to nothing, and what leaks out of one shows in its neighbours."""
    document = read_document(body, content_type=kind, max_entries=500)
    data = document.text.encode()
    slices = find_slices(data, URL) if document.sound and document.kind == "xml" else None
    tag = re.match(rb"<([\w:.-]+)", data[slices[0].start :]) if slices else None
    if not slices or tag is None:
        return None
    prefix = tag[1].rpartition(b":")[0]
    name = b"%s:%%s" % prefix if prefix else b"%s"

    def field(which: bytes, text: bytes) -> bytes:
        return b"<%(name)s>%(text)s</%(name)s>" % {b"name": name % which, b"text": text}

    pieces = [data[: slices[0].start]]
    for number, one in enumerate(slices):
        own, end = data[one.start : one.end], data.rindex(b"</", one.start, one.end) - one.start
        identity = b"" if one.key else field(b"guid", b"tag:own-%d" % number)
        title = b"" if b"title" in own else field(b"title", b"Own %d" % number)
        plain = field(b"title", b"Escort %d" % number) + field(b"link", b"escort/%d" % number)
        escort = b"<%s>%s%s</%s>" % (tag[1], plain, field(b"guid", b"tag:escort-%d" % number), tag[1])
        between = data[one.end : slices[number + 1].start] if number + 1 < len(slices) else b""
        pieces += [escort, own[:end], identity, title, own[end:], escort.replace(b"scort", b"nd"), between]
    return b"".join((*pieces, data[slices[-1].end :]))


if __name__ == "__main__":
    sys.exit(main())
