"""One test for each kind of mistake in watcher.yaml, watchlists and outlets, with its exact place."""

# ruff: noqa: E501  # a table reads best with a row on a line

from __future__ import annotations

import re
from pathlib import Path

import pytest

from watcher.config import Settings, load, load_rules
from watcher.errors import ConfigError, Problem

SERVICE = """\
database: sqlite:///w.db
watchlists: [lists/*.yaml]
outlets: outlets.yaml
zone: Europe/Madrid
board: https://board.example/
polling:
  every: 10m
  timeout: 20s
  max_bytes: 5 MB
  concurrency: 20
notify:
  receivers:
    desk: {urls: ["${DESK:-json://localhost/a}", "json://localhost/b"]}
    chat:
      urls: json://localhost/c
  routes:
    - {to: [desk], severities: [high], continue: true}
    - to: chat
      items: [ban]
      states: [lifted]
log: {format: json, level: info}
web: {host: 127.0.0.1, port: 9464}
retention: {unmatched: 90d}
"""
WATCHLIST = """\
title: A list
since: 2025-09-14
actors:
  us: [US, Washington]
  china: [China, Beijing]
defaults:
  decided_by: us
  severity: high
  tags: [trade]
items:
  - id: ban
    title: The ban
    lifecycle: restriction
    state: in_force
    against: china
    about: {all: [["@us", American], ban], none: [bandage]}
    evidence: {alone: official, sources: 3, within: 2d}
  - id: day
    title: The day
    lifecycle: deadline
    state: set
    value: 2025-11-10
    since: 2025-09-15T08:00:00+08:00
    about:
      near:
        - groups: [[truce, pause], China]
          within: 5
feeds:
  - id: one
    url: https://feeds.example/one.xml
    outlet: Daily
    every: 5m
"""
OUTLETS = """\
outlets:
  - {name: The House, tier: official, of: us, domains: [house.example]}
  - {name: Daily, owner: Press Co, names: [The Daily]}
"""
FILES = {"watcher.yaml": SERVICE, "lists/list.yaml": WATCHLIST, "outlets.yaml": OUTLETS}
W, L, O = "watcher.yaml", "lists/list.yaml", "outlets.yaml"  # noqa: E741


def write(folder: Path, **changed: str) -> Path:
    (folder / "lists").mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(changed.get(name, text))
    return folder / "watcher.yaml"


def faults(folder: Path, name: str, *replacements: tuple[str, str], env: dict[str, str] | None = None) -> list[Problem]:
    text = FILES[name]
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = write(folder, **{name: text})
    with pytest.raises(ConfigError) as caught:
        load(path, env or {})
    return list(caught.value.problems)


def test_the_files_as_they_stand_are_fine(tmp_path: Path) -> None:
    settings = load(write(tmp_path), {})
    assert isinstance(settings, Settings)
    assert [note.message for note in settings.notes if not re.search("no contact|no links", note.message)] == []
    assert list(settings.receivers) == ["desk/1", "desk/2", "chat"]
    assert [route.to for route in settings.routes] == [("desk/1", "desk/2"), ("chat",)]


CASES: list[tuple[str, str, str, int, int, str]] = [
    # watcher.yaml
    (W, "polling:", "poling:", 6, 1, 'unknown key "poling"; did you mean "polling"?'),
    (W, "every: 10m", "evry: 10m", 7, 3, 'unknown key "evry"; did you mean "every"?'),
    (W, "every: 10m", "every: 10", 7, 10, "not a length of time"),
    (W, "every: 10m", "every: 10s", 7, 10, "out of range"),
    (W, "every: 10m", "every: 99999w", 7, 10, "out of range"),
    (W, "timeout: 20s", "timeout: soon", 8, 12, "not a length of time"),
    (W, "5 MB", "5 parsecs", 9, 14, "not a size"),
    (W, "5 MB", "5", 9, 14, "out of range"),
    (W, "concurrency: 20", "concurrency: 0", 10, 16, "out of range"),
    (W, "concurrency: 20", "concurrency: many", 10, 16, "expected a whole number"),
    (W, "concurrency: 20", "allow_private: yes", 10, 18, "expected true or false"),
    (W, "sqlite:///w.db", "mysql://u:p@h/n", 1, 11, "not a database watcher can use"),
    (W, "sqlite:///w.db", "sqlite://w.db", 1, 11, "an SQLite address has three slashes, four before an absolute path"),
    (W, "Europe/Madrid", "Europe/Madird", 4, 7, "not an IANA time zone"),
    (W, "https://board.example/", "board.example", 5, 8, "not a web address"),
    (W, "port: 9464", "port: 94640", 22, 30, "out of range"),
    (W, "port: 9464", "port: http", 22, 30, "expected a whole number"),
    (W, "format: json", "format: jsn", 21, 15, '"jsn" is not one of the words allowed here; did you mean "json"?'),
    (W, "level: info", "level: 5", 21, 28, "not one of the words allowed here"),
    (W, "unmatched: 90d", "unmatched: 1h", 23, 24, "out of range"),
    (W, "host: 127.0.0.1", "secret: 0123456789abcde", 22, 15, "too short to sign with"),
    (W, "host: 127.0.0.1", "links_valid: for ever", 22, 20, "not a length of time"),
    (W, "notify:\n", "notify:\n  templates: mine\n", 12, 14, "no folder is there"),
    (W, "notify:\n", "notify:\n  silent_after: 30\n", 12, 17, "not a length of time"),
    (W, "notify:\n", "notify:\n  silent_after: 1h\n", 12, 17, "out of range"),
    (W, "[lists/*.yaml]", "[lists/*.yaml, more/*.yaml]", 2, 28, "no file is there"),
    (W, "[lists/*.yaml]", "[]", 2, 13, "must not be empty"),
    (W, "outlets: outlets.yaml", "outlets: [x]", 3, 10, "expected text"),
    (W, "outlets: outlets.yaml", "outlets: outlet.yaml", 3, 10, "no file is there"),
    (W, "to: [desk]", "to: [dsk]", 17, 13, 'unknown receiver "dsk"; did you mean "desk"?'),
    (W, "to: chat", "to: chta", 18, 11, 'unknown receiver "chta"; did you mean "chat"?'),
    (W, "items: [ban]", "items: [bann]", 19, 15, 'unknown item "bann"; did you mean "ban"?'),
    (W, "states: [lifted]", "states: [lfted]", 20, 16, 'unknown state "lfted"; did you mean "lifted"?'),
    (W, "states: [lifted]", "tags: [trad]", 20, 14, 'unknown tag "trad"; did you mean "trade"?'),
    (W, "states: [lifted]", "watchlists: [lst]", 20, 20, 'unknown watchlist "lst"; did you mean "list"?'),
    (W, "severities: [high]", "severities: [hihg]", 17, 33, 'unknown severity "hihg"; did you mean "high"?'),
    (W, "states: [lifted]", "states: [extended]", 18, 7, "no item can ever meet all conditions of this route"),
    (W, "urls: json://localhost/c", "url: json://localhost/c", 15, 7, 'unknown key "url"; did you mean "urls"?'),
    (W, "    - to: chat\n      items", "    - items", 18, 7, 'missing key "to"'),
    (W, "log: {", "zone: UTC\nlog: {", 21, 1, 'duplicate key "zone"; it stands in line 4 already'),
    (W, SERVICE, "[]", 1, 1, "expected keys and values"),
    (W, "watchlists: [lists/*.yaml]\n", "", 1, 1, 'missing key "watchlists"'),
    (W, "polling:\n", "polling: fast\nlog:\n", 6, 10, "expected keys and values"),
    # a watchlist and its items
    (L, "state: in_force", "stat: in_force", 14, 5, 'unknown key "stat"; did you mean "state"?'),
    (L, "    title: The ban\n", "", 11, 5, 'missing key "title"'),
    (L, "title: The ban", "title: 5", 12, 12, "expected text; put it in quotes"),
    (L, "id: ban", "id: the ban", 11, 9, "not usable as a name"),
    (L, "id: day", "id: ban", 18, 9, 'duplicate id "ban"; it stands at {folder}/lists/list.yaml:11 already'),
    (L, "restriction", "restricion", 13, 16, 'unknown lifecycle "restricion"; did you mean "restriction"?'),
    (
        L,
        "in_force",
        "in_forse",
        14,
        12,
        '"in_forse" is not a state of the lifecycle "restriction"; did you mean "in_force"?',
    ),
    (L, "state: set", "state: met", 21, 12, 'a watch of the lifecycle "deadline" cannot begin in "met"'),
    (L, "state: in_force", "state: lifted\n    value: 5%", 15, 12, 'the state "lifted" carries no value'),
    (L, "2025-11-10", "10 November", 22, 12, "not a date"),
    (L, "2025-11-10", "2025-11-31", 22, 12, "not a date"),
    (L, "2025-09-15T08:00:00+08:00", "2025-09-15T08:00:00", 23, 12, "not a date, or a time with its offset from UTC"),
    (L, "since: 2025-09-14", "since: yesterday", 2, 8, "not a date, or a time with its offset from UTC"),
    (L, "against: china", "against: chian", 15, 14, 'unknown actor "chian"; did you mean "china"?'),
    (L, "against: china", "with: [china, eu]", 15, 19, 'unknown actor "eu"'),
    (L, "decided_by: us", "decided_by: uss", 7, 15, 'unknown actor "uss"; did you mean "us"?'),
    (L, '"@us", American', '"@usa", American', 16, 20, 'unknown actor "usa"; did you mean "us"?'),
    (L, '"@us", American', '"ban by @us"', 16, 20, 'an actor stands alone in a phrase: "@us"'),
    (L, "none: [bandage]", 'none: ["@chin"]', 16, 51, 'unknown actor "chin"; did you mean "china"?'),
    (L, "none: [bandage]", 'none: ["..."]', 16, 51, "a phrase needs a letter or a digit; this one would match everything or nothing"),
    (L, "none: [bandage]", "none: ['']", 16, 51, "must not be empty"),
    (L, "none: [bandage]", "none: [ban]", 16, 38, "`none` rules out what `all` asks for; nothing can match"),
    (L, "none: [bandage]", "none: [301]", 16, 51, "expected text; put it in quotes"),
    (L, 'all: [["@us", American], ban], ', "", 16, 12, "says nothing about the subject"),
    (L, '["@us", American]', "[]", 16, 19, "must not be empty"),
    (L, "[[truce, pause], China]", "[truce]", 26, 19, "near what? two groups are needed"),
    (L, "within: 5", "within: 5000", 27, 19, "out of range"),
    (L, "alone: official", "alone: offical", 17, 23, '"offical" is not one of the words allowed here; did you mean "official"?'),
    (L, "sources: 3", "sources: 0", 17, 42, "out of range"),
    (L, "within: 2d", "within: 2 fortnights", 17, 53, "not a length of time"),
    (L, "severity: high", "silent_after: ever", 8, 17, "not a length of time"),
    (L, "within: 2d}", "within: 2d}\n    silent_after: 1h", 18, 19, "out of range"),
    (L, "severity: high", "severity: hi", 8, 13, '"hi" is not one of the words allowed here; did you mean "high"?'),
    (L, "about: {all", "about: [x]\n    note: {all", 16, 12, "expected keys and values"),
    # its actors and feeds
    (L, "us: [US, Washington]", "us: []", 4, 7, "must not be empty"),
    (L, "us: [US, Washington]", "u s: [US]", 4, 3, "not usable as a name"),
    (L, "us: [US, Washington]", "us: [US, '']", 4, 12, "must not be empty"),
    (L, "https://feeds.example/one.xml", "ftp://feeds.example/one.xml", 30, 10, "not a web address"),
    (L, "https://feeds.example/one.xml", "https:///one.xml", 30, 10, "not a web address"),
    (L, "https://feeds.example/one.xml", "https://feeds.example:99999/", 30, 10, "not a web address"),
    (L, "https://feeds.example/one.xml", "'https://[feeds/'", 30, 10, "not a web address"),
    (L, "outlet: Daily", "outlet: Dayly", 31, 13, 'unknown outlet "Dayly"; did you mean "Daily"?'),
    (L, "every: 5m", "every: 1s", 32, 12, "out of range: less than a minute needs allow_private, for a server of your own"),
    (L, "every: 5m", "every: 5m\n  - {id: one, url: 'https://x.example'}", 33, 10, 'duplicate id "one"; it stands at {folder}/lists/list.yaml:29 already'),
    (L, "https://feeds.example/one.xml", "http://127.0.0.1:8000/one.xml", 30, 10, "the host is no public address"),
    (L, "    url: https://feeds.example/one.xml\n", "", 29, 5, 'missing key "url"'),
    (L, "every: 5m", "kind: pages", 32, 11, '"pages" is not one of the words allowed here; did you mean "page"?'),
    (L, "every: 5m", "kind: list", 29, 5, "a list needs to know which elements are its entries"),
    (L, "every: 5m", "kind: list\n    select: {link: a}", 33, 13, "a list needs to know which elements are its entries"),
    (L, "every: 5m", "kind: list\n    select: {entry: 'li >'}", 33, 21, "not a CSS selector"),
    (L, "every: 5m", "kind: list\n    select: {entry: 'li:nope'}", 33, 21, "not a CSS selector"),
    (L, "every: 5m", "kind: list\n    select: {entry: [li]}", 33, 21, "not a CSS selector"),
    (L, "every: 5m", "kind: list\n    select: {entry: 'a::attr(href)'}", 33, 21, "a CSS selector of elements, not of a part of one"),
    (L, "every: 5m", "kind: list\n    select: {entry: li, text: main}", 33, 31, '`text` is nothing a feed of kind "list" has'),
    (L, "every: 5m", "kind: list\n    select: {entry: li, date: i, date_format: '%d/%m'}", 33, 47, "not a form of a date"),
    (L, "every: 5m", "kind: list\n    select: {entry: li, date: i, date_format: dd.mm.yyyy}", 33, 47, "not a form of a date"),
    (L, "every: 5m", "kind: list\n    select: {entry: li, date_format: '%d/%m/%Y'}", 33, 38, "a form of dates needs `date`, the element they stand in"),
    (L, "every: 5m", "kind: page\n    select: {entry: li}", 33, 21, '`entry` is nothing a feed of kind "page" has'),
    (L, "every: 5m", "kind: page\n    select: {txt: main}", 33, 14, 'unknown key "txt"; did you mean "text"?'),
    (L, "every: 5m", "select: {text: main}", 32, 13, 'a feed of kind "feed" has no `select`'),
    (L, "every: 5m", "search: {term: chips}", 32, 13, 'a feed of kind "feed" has no `search`'),
    (L, "every: 5m", "kind: page\n    full_text: true", 33, 16, "a page is read in full as it is"),
    (L, "every: 5m", "full_text: yes", 32, 16, "expected true or false"),
    (L, "every: 5m", "kind: federal-register", 29, 5, "a search needs something to look for"),
    (L, "every: 5m", "kind: federal-register\n    search: {types: [law]}", 33, 22, '"law" is not one of the words allowed here'),
    (L, "every: 5m", "kind: federal-register\n    search: {agency: x}", 33, 14, 'unknown key "agency"; did you mean "agencies"?'),
    (L, "https://feeds.example/one.xml", "http://10.0.0.8/one.xml", 30, 10, "the host is no public address"),
    (L, "https://feeds.example/one.xml", "http://[::ffff:192.168.1.1]/", 30, 10, "the host is no public address"),
    (L, "https://feeds.example/one.xml", "http://[fd00::1]/one.xml", 30, 10, "the host is no public address"),
    (L, "https://feeds.example/one.xml", "http://feeds.localhost/", 30, 10, "the host is no public address"),
    (L, "https://feeds.example/one.xml", "http://2130706433/", 30, 10, "the host is no public address"),
    (
        L,
        "every: 5m",
        "every: 5m\n  - {id: two, url: 'https://feeds.example/one.xml'}",
        33,
        20,
        'the feed "one" has this address already',
    ),
    # outlets
    (O, "tier: official", "tier: oficial", 2, 29, '"oficial" is not one of the words allowed here; did you mean "official"?'),
    (O, "name: Daily", "name: Daily, of: us", 3, 23, "only an official outlet speaks for an actor"),
    (O, "The Daily", "The House", 3, 44, '"The House" stands for the outlet "The House" already'),
    (O, "name: Daily", "name: the house", 3, 12, '"the house" stands for the outlet "The House" already'),
    (O, "house.example", "https://house.example/", 2, 57, "not a domain"),
    (O, OUTLETS, "outlets: 5", 1, 10, "expected a list"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column", "message"),
    CASES,
    ids=[f"{c[0][0]}-{re.sub('[^a-z0-9]+', '-', c[2].lower())[:32]}-{k}" for k, c in enumerate(CASES)],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, line: int, column: int, message: str
) -> None:
    found = faults(tmp_path, file, (old, new))
    wanted = (str(tmp_path / file), line, column, message.replace("{folder}", str(tmp_path)))
    assert wanted in [(p.file, p.line, p.column, p.message) for p in found]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [c[:3] for c in CASES if "did you mean" in c[5] and "unknown key" not in c[5]],
)
def test_one_slip_is_one_problem(tmp_path: Path, file: str, old: str, new: str) -> None:
    found = faults(tmp_path, file, (old, new))
    assert len(found) == 1, [str(p) for p in found]


def test_every_mistake_of_every_file_comes_in_one_run(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / W).write_text(SERVICE.replace("port: 9464", "port: -1").replace("to: [desk]", "to: [dask]"))
    (tmp_path / L).write_text(
        WATCHLIST.replace("against: china", "agianst: china")
        .replace("lifecycle: deadline", "lifecycle: dedline")
        .replace("outlet: Daily", "outlet: Weekly Herald\n    unknown: 1")
        .replace("title: The day", "titel: The day")
    )
    (tmp_path / O).write_text(OUTLETS.replace("tier: official", "tier: high"))
    (tmp_path / "lists" / "broken.yaml").write_text("a: [\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / W, {})
    found = [(Path(p.file).name, p.line, p.message.split(";")[0]) for p in caught.value.problems]
    assert found == [
        ("broken.yaml", 2, "not valid YAML: expected the node content, but found '<stream end>'"),
        ("list.yaml", 15, 'unknown key "agianst"'),
        ("list.yaml", 18, 'missing key "title"'),
        ("list.yaml", 19, 'unknown key "titel"'),
        ("list.yaml", 31, 'unknown outlet "Weekly Herald"'),
        ("list.yaml", 32, 'unknown key "unknown"'),
        ("outlets.yaml", 2, '"high" is not one of the words allowed here'),
        ("watcher.yaml", 17, 'unknown receiver "dask"'),
        ("watcher.yaml", 22, "out of range"),
    ]


def test_a_private_feed_is_fine_where_it_is_allowed(tmp_path: Path) -> None:
    private = WATCHLIST.replace("https://feeds.example/one.xml", "http://127.0.0.1:8000/one.xml")
    own = private.replace("every: 5m", "every: 5m\n    allow_private: true")
    assert load(write(tmp_path, **{L: own}), {}).feeds[0].allow_private
    everywhere = SERVICE.replace("every: 10m", "every: 10m\n  allow_private: true")
    assert load(write(tmp_path, **{L: private, W: everywhere}), {}).feeds
    _, feeds = load_rules([tmp_path / L], None, {})
    assert feeds, "without the service's settings it cannot be known whether all may be private"


def test_a_duplicate_item_does_not_hide_what_else_is_wrong_with_it(tmp_path: Path) -> None:
    twin = (
        "\n  - id: ban\n    title: Another\n    lifecycle: restricton\n    state: in_force\n"
        "    decided_by: uss\n    about: {all: [ban]}\nfeeds:"
    )
    found = faults(tmp_path, L, ("\nfeeds:", twin))
    assert [(p.line, p.message.split(";")[0]) for p in found] == [
        (28, 'duplicate id "ban"'),
        (30, 'unknown lifecycle "restricton"'),
        (32, 'unknown actor "uss"'),
    ]
    assert found[0].message.endswith(f"it stands at {tmp_path / L}:11 already")


def test_a_bad_address_of_a_feed_does_not_hide_what_else_is_wrong_with_it(tmp_path: Path) -> None:
    twin = "every: 5m\n  - {id: one, url: ftp://feeds.example, outlet: Dayly, every: 1s}"
    found = faults(tmp_path, L, ("every: 5m", twin))
    assert [p.message.split(";")[0] for p in found] == [
        'duplicate id "one"',
        "not a web address",
        'unknown outlet "Dayly"',
        "out of range: less than a minute needs allow_private, for a server of your own",
    ]


def test_words_for_a_language_that_is_not_read_name_those_that_are(tmp_path: Path) -> None:
    own = "lifecycles: {pause: {extends: deal, states: {signed: {cues: {xx: {does: [sign]}}}}}}\n"
    (only,) = faults(tmp_path, L, ("items:", f"{own}items:"))
    assert (only.message, only.allowed) == ('texts in the language "xx" are not read', "en, zh")


def test_receivers_that_are_switched_off_are_known_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, **{W: SERVICE.replace("${DESK:-json://localhost/a}", "${DESK:-}")})
    assert load(path, {}).switched_off == ("desk/1",)
    assert load(write(tmp_path), {}).switched_off == ()


def test_an_unset_variable_and_a_missing_file_say_what_helps(tmp_path: Path) -> None:
    (unset,) = faults(tmp_path, W, ("10m", "${UNSET}"))
    assert unset.allowed == "set it, or write ${UNSET:-default}"
    (file,) = faults(tmp_path, W, ("10m", "!file nowhere"))
    assert file.allowed == "the path of a UTF-8 text file that can be read, from the folder of this one"


def test_places_stay_true_behind_an_element_that_was_cut_out(tmp_path: Path) -> None:
    found = faults(tmp_path, L, ("    title: The ban\n", ""), ("lifecycle: deadline", "lifecycle: dedline"))
    assert [(p.line, p.column, p.message.split(";")[0]) for p in found] == [
        (11, 5, 'missing key "title"'),
        (19, 16, 'unknown lifecycle "dedline"'),
    ]


def test_the_allowed_words_are_told(tmp_path: Path) -> None:
    (only,) = faults(tmp_path, W, ("level: info", "level: loud"))
    assert only.allowed == "debug, info, warning, error"
    assert str(only) == (
        f'{tmp_path}/watcher.yaml:21:28: "loud" is not one of the words allowed here '
        "(allowed: debug, info, warning, error)"
    )


@pytest.mark.parametrize(
    ("file", "old", "line", "column"),
    [(W, "10m", 7, 10), (W, "9464", 22, 30), (L, "https://feeds.example/one.xml", 30, 10), (L, "restriction", 13, 16)],
)
def test_an_unset_variable_is_one_problem(tmp_path: Path, file: str, old: str, line: int, column: int) -> None:
    found = faults(tmp_path, file, (old, '"${UNSET}"'))
    assert [(p.line, p.column, p.message) for p in found] == [
        (line, column, "the environment variable UNSET is not set and has no default")
    ]


def test_a_missing_service_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the file cannot be read: no such file or directory"):
        load(tmp_path / "watcher.yaml", {})


def test_two_watchlists_with_one_name(tmp_path: Path) -> None:
    write(tmp_path)
    other = tmp_path / "more"
    other.mkdir()
    (other / "list.yaml").write_text("title: Another\n")
    with pytest.raises(ConfigError, match='the watchlist "list" is'):
        load_rules([tmp_path / L, other / "list.yaml"], None, {})


def test_an_actor_with_two_sets_of_names(tmp_path: Path) -> None:
    write(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text("actors:\n  us: [America]\n")
    with pytest.raises(ConfigError) as caught:
        load_rules([tmp_path / L, other], None, {})
    (only,) = caught.value.problems
    assert (only.file, only.line, only.column) == (str(other), 2, 3)
    assert only.message == f'the actor "us" has other names in {tmp_path / L}; write them in one file only'


def test_an_address_is_checked_where_it_stands_and_never_shown(tmp_path: Path) -> None:
    asked = []

    def judge(url: str) -> str | None:
        asked.append(url)
        return None if url.startswith("json://localhost/") else f"no such service: {url}"

    path = write(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(path, {"DESK": "maito://user:hunter22@host"}, judge)
    (only,) = caught.value.problems
    assert (only.line, only.column) == (13, 19)
    assert only.message == 'the address of "desk/1" cannot be used: no such service: •••'
    assert asked == ["maito://user:hunter22@host", "json://localhost/b", "json://localhost/c"]


SECRET = "s3cr3t-hunter2"


@pytest.mark.parametrize("name", list(FILES))
def test_no_secret_value_appears_in_an_error(tmp_path: Path, name: str) -> None:
    """Put the secret in place of every value of a file, one at a time."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "secret").write_text(SECRET + "\n")
    for match in re.finditer(r"(?<=[\s\[:])[A-Za-z0-9][\w./:-]*(?=[\s,\]}])(?!:)", FILES[name]):
        for reference in ("${TOKEN}", "!file secret"):
            text = FILES[name][: match.start()] + reference + FILES[name][match.end() :]
            path = write(tmp_path, **{name: text})
            assert SECRET not in told(path, {"TOKEN": SECRET}), text


def told(path: Path, env: dict[str, str]) -> str:
    """Return all that an operator, or a traceback, would be shown of a configuration."""
    try:
        return "".join(str(note) for note in load(path, env).notes)
    except ConfigError as error:
        return f"{error} {error.__cause__!r} {error.__context__!r}"


def test_settings_keep_their_secrets_from_print(tmp_path: Path) -> None:
    path = write(tmp_path, **{W: SERVICE.replace("sqlite:///w.db", "postgresql://u:${P}@h/n")})
    settings = load(path, {"P": SECRET, "DESK": f"json://{SECRET}@localhost"})
    assert SECRET in settings.database
    assert SECRET in settings.receivers["desk/1"].url
    assert SECRET not in repr(settings)
