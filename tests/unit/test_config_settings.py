"""What good files become: cascades, addresses, routes, notes, and the files that ship with the product."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from watcher.config import load, load_rules
from watcher.domain.alerts import USUAL_KINDS, Conditions, Receiver, Route
from watcher.domain.model import About, EvidenceRule, Near, Tier

ROOT = Path(__file__).parents[2]
ITEM = "{id: x, title: X, lifecycle: deal, state: talks, about: {all: x}}"


def service(folder: Path, text: str = "", watchlist: str = f"items:\n  - {ITEM}\n") -> Path:
    (folder / "w.yaml").write_text(watchlist)
    (folder / "watcher.yaml").write_text("watchlists: w.yaml\n" + text)
    return folder / "watcher.yaml"


def test_one_line_is_a_service(tmp_path: Path) -> None:
    settings = load(service(tmp_path), {})
    assert settings.database == "sqlite:///watcher.db"
    assert settings.zone == ZoneInfo("UTC")
    assert settings.polling.every is None
    assert (settings.polling.fastest, settings.polling.slowest) == (timedelta(minutes=5), timedelta(hours=1))
    assert settings.polling.user_agent.startswith("watcher/")
    assert settings.retention.unmatched == timedelta(days=90)
    assert (settings.web.host, settings.web.port, settings.web.enabled) == ("127.0.0.1", 9464, True)
    assert (settings.receivers, settings.routes, settings.board, settings.notes) == ({}, (), "", ())


def test_the_contact_is_told_to_feeds(tmp_path: Path) -> None:
    settings = load(service(tmp_path, "polling: {contact: mailto:a@b.example}\n"), {})
    assert settings.polling.user_agent.endswith(" (+mailto:a@b.example)")
    settings = load(service(tmp_path, "polling: {contact: x, user_agent: mine/1}\n"), {})
    assert settings.polling.user_agent == "mine/1"


NOTIFY = """
notify:
  receivers:
    mail: {urls: ["${MAIL:-}"]}
    both: {urls: ["${ONE:-}", "json://localhost/2"]}
    slash: {urls: json://localhost/3}
  routes:
    - {to: mail, continue: true}
    - {to: [both, mail, slash, both], items: x}
"""


def test_an_empty_address_switches_a_receiver_off(tmp_path: Path) -> None:
    settings = load(service(tmp_path, NOTIFY), {})
    urls = {name: receiver.url for name, receiver in settings.receivers.items()}
    assert urls == {"both/2": "json://localhost/2", "slash": "json://localhost/3"}
    assert settings.routes == (
        Route((), "route 1", proceeds=True),
        Route(("both/2", "slash"), "route 2", Conditions(items=("x",), kinds=USUAL_KINDS)),
    )
    assert [(n.line, n.column, n.message) for n in settings.notes] == [
        (5, 19, 'the receiver "mail" has no address and is switched off'),
        (6, 19, 'the receiver "both/1" has no address and is switched off'),
        (9, 12, "all receivers of this route are switched off; it is passed over"),
    ]


def test_addresses_keep_their_names_whichever_are_on(tmp_path: Path) -> None:
    settings = load(service(tmp_path, NOTIFY), {"MAIL": "mailto://m", "ONE": "json://localhost/1"})
    assert list(settings.receivers) == ["mail", "both/1", "both/2", "slash"]
    assert settings.routes[1].to == ("both/1", "both/2", "mail", "slash")
    assert settings.notes == ()


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "slack").write_text("slack://A/B/C\n")
    path = service(tmp_path, "notify: {receivers: {desk: {urls: [!file slack]}}}\n")
    assert dict(load(path, {}).receivers) == {"desk": Receiver("slack://A/B/C")}


def test_defaults_cascade_from_product_to_watchlist_to_item(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("""
since: 2025-09-14
actors: {us: US, eu: [EU]}
defaults: {decided_by: us, tags: [a], severity: low, evidence: {alone: official, within: 6h}}
items:
  - {id: x, title: X, lifecycle: deal, state: talks, about: {all: x}}
  - id: y
    title: Y
    lifecycle: deadline
    state: set
    value: 2025-11-10
    question: Why?
    since: 2025-09-15T08:00:00+08:00
    decided_by: [eu]
    with: us
    against: []
    severity: high
    tags: []
    note: Mind the gap.
    evidence: {within: 1h30m, sources: 3}
    about:
      all: [a b, [c, "@us"]]
      any: d
      none: [e]
      near: [{groups: [f, [g, h]]}, {groups: [i, j], within: 3}]
feeds:
  - {id: f, url: "https://f.example/", every: 1h}
  - {id: g, url: "https://g.example/"}
""")
    rules, feeds = load_rules([path], None, {})
    x, y = rules.items
    assert (x.decided_by, x.tags, x.severity, x.watchlist) == (("us",), ("a",), "low", "w")
    assert x.evidence == EvidenceRule(Tier.OFFICIAL, 2, timedelta(hours=6))
    assert x.since == datetime(2025, 9, 14, tzinfo=UTC)
    assert x.question == "Will it be done? (X)"
    assert x.about == About(all=(("x",),))
    assert (y.decided_by, y.with_, y.against, y.tags, y.severity) == (("eu",), ("us",), (), (), "high")
    assert y.evidence == EvidenceRule(Tier.OFFICIAL, 3, timedelta(minutes=90))
    assert (y.since, y.value, y.question) == (datetime(2025, 9, 15, tzinfo=UTC), "2025-11-10", "Why?")
    assert y.about == About(
        all=(("a b",), ("c", "@us")),
        any=("d",),
        none=("e",),
        near=(Near((("f",), ("g", "h")), 8), Near((("i",), ("j",)), 3)),
    )
    assert [feed.every for feed in feeds] == [timedelta(hours=1), timedelta(minutes=15)]


def test_actors_and_lifecycles_are_shared_between_files(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text("actors: {us: [US]}\nlifecycles: {sale: {extends: deal}}\n")
    (tmp_path / "one.yaml").write_text(
        'items: [{id: x, title: X, lifecycle: sale, state: talks, decided_by: us, about: {all: "@us"}}]\n'
    )
    rules, _ = load_rules([tmp_path / "common.yaml", tmp_path / "one.yaml"], None, {})
    assert rules.items[0].lifecycle == "sale"
    assert list(rules.actors) == ["us"]


def test_the_revision_changes_with_whatever_judging_needs(tmp_path: Path) -> None:
    def revision(text: str) -> str:
        (tmp_path / "w.yaml").write_text(text)
        return load_rules([tmp_path / "w.yaml"], None, {})[0].revision

    first = revision(f"items: [{ITEM}]\n")
    assert first == revision(f"# a remark\nitems:\n  - {ITEM}\n")
    assert first != revision(f"items: [{ITEM.replace('{all: x}', '{all: y}')}]\n")
    assert first != revision(f"actors: {{us: US}}\nitems: [{ITEM}]\n")


def test_a_feeds_interval_comes_from_the_service(tmp_path: Path) -> None:
    path = service(tmp_path, "polling: {every: 5m}\n", "feeds: [{id: f, url: 'https://f.example/'}]\n")
    assert load(path, {}).feeds[0].every == timedelta(minutes=5)


def test_watchlists_are_found_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.yaml").write_text(f"items: [{ITEM.replace('id: x', 'id: ' + name)}]\n")
    (tmp_path / "watcher.yml").write_text("watchlists: [c.yaml, '[a-c].yaml']\n")
    assert [i.id for i in load(tmp_path / "watcher.yml", {}).rules.items] == ["c", "a", "b"]
    (tmp_path / "watcher.yml").write_text(f"watchlists: ['{tmp_path}/[ab].yaml']\n")
    assert [i.id for i in load(tmp_path / "watcher.yml", {}).rules.items] == ["a", "b"]


def test_an_outlets_actor_that_looks_like_a_slip_is_noted(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(
        "outlets:\n  - {name: A, tier: official, of: chinna}\n  - {name: B, tier: official, of: peru}\n"
    )
    settings = load(service(tmp_path, "outlets: o.yaml\n", "actors: {china: China}\n"), {})
    assert [(n.line, n.message) for n in settings.notes] == [
        (2, 'no watchlist has the actor "chinna"; did you mean "china"?')
    ]


def test_the_patience_of_an_item_comes_from_the_item_the_watchlist_or_the_service(tmp_path: Path) -> None:
    def item(id_: str, more: str = "") -> str:
        return f"  - {{id: {id_}, title: X, lifecycle: deal, state: talks, about: {{all: x}}{more}}}\n"

    plain = "items:\n" + item("a") + item("b", ", silent_after: 2d") + item("c", ", silent_after: never")

    def patience(path: Path) -> list[timedelta | None]:
        return [one.silent_after for one in load(path, {}).rules.items]

    assert patience(service(tmp_path, "", plain)) == [timedelta(days=30), timedelta(days=2), None]
    assert patience(service(tmp_path, "notify: {silent_after: 1w}\n", plain))[0] == timedelta(days=7)
    never = service(tmp_path, "notify: {silent_after: never}\n", plain)
    assert patience(never) == [None, timedelta(days=2), None]
    assert load(never, {}).silent_after is None
    own = "defaults: {silent_after: 3d}\n" + plain
    assert patience(service(tmp_path, "notify: {silent_after: never}\n", own))[0] == timedelta(days=3)
    revisions = {load(service(tmp_path, f"notify: {{silent_after: {t}}}\n"), {}).rules.revision for t in ("2d", "3d")}
    assert len(revisions) == 1, "judging does not depend on it"


def test_templates_and_the_key_of_links(tmp_path: Path) -> None:
    settings = load(service(tmp_path), {})
    assert (settings.templates, settings.link_secret, settings.links_valid) == (None, "", timedelta(days=7))
    (tmp_path / "mine").mkdir()
    text = "notify: {templates: mine}\nweb: {secret: 0123456789abcdef, links_valid: 12h}\n"
    settings = load(service(tmp_path, text), {})
    assert (settings.templates, settings.links_valid) == (tmp_path / "mine", timedelta(hours=12))
    assert settings.secrets == ("0123456789abcdef",)
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("board: https://board.example/\n", [(2, "web.secret")]),
        ("web: {secret: 0123456789abcdef}\n", [(2, "board")]),
        ("board: https://board.example/\nweb: {secret: 0123456789abcdef}\n", []),
        ("", []),
    ],
)
def test_one_half_of_what_links_need_is_noted(tmp_path: Path, text: str, said: list[tuple[int, str]]) -> None:
    notes = load(service(tmp_path, text), {}).notes
    wanted = [(line, f"messages carry no links to acknowledge and mute: these also need `{k}`") for line, k in said]
    assert [(note.line, note.message) for note in notes] == wanted


def test_links_that_nobody_answers_are_noted(tmp_path: Path) -> None:
    text = "board: https://board.example/\nweb: {secret: 0123456789abcdef, enabled: false}\n"
    (note,) = load(service(tmp_path, text), {}).notes
    assert note.line == 3
    assert note.message == "the links in messages lead nowhere, unless another watcher serves them"


# --- the shipped files ----------------------------------------------------------------------------


def test_the_shipped_configuration_works_out_of_the_box() -> None:
    settings = load(ROOT / "config" / "watcher.yaml", {})
    assert settings.receivers == {}
    assert len(settings.rules.items) == 16
    assert len(settings.feeds) > 30
    assert all(re.search("switched off|no contact", note.message) for note in settings.notes)
    assert {"en", "zh"} <= set(settings.rules.lexicons)


def test_the_shipped_configuration_takes_its_secrets_from_the_environment() -> None:
    env = {
        "WATCHER_DATABASE": "postgresql://w:w@db/w",
        "WATCHER_MAIL_URL": "mailtos://u:p@mail.example?to=desk@example.com",
        "WATCHER_SLACK_URL": "slack://T/B/C",
        "WATCHER_CONTACT": "mailto:desk@example.com",
        "WATCHER_PORT": "8080",
        "WATCHER_ZONE": "Asia/Shanghai",
    }
    settings = load(ROOT / "config" / "watcher.yaml", env)
    assert list(settings.receivers) == ["desk-mail", "desk-slack"]
    assert settings.web.port == 8080
    assert settings.zone == ZoneInfo("Asia/Shanghai")
    assert settings.notes == ()


def test_the_shipped_outlets() -> None:
    rules, _ = load_rules([ROOT / "config/watchlists/us-china-madrid.yaml"], ROOT / "config/outlets.yaml", {})
    by_name = {name: outlet for outlet in rules.outlets for name in (outlet.name, *outlet.names)}
    assert len(rules.outlets) >= 120
    assert by_name["Xinhua"].of == "china"
    assert by_name["The White House (.gov)"].of == "us"
    for name in ("Reuters", "AP News", "AFP", "Bloomberg.com"):
        assert by_name[name].tier is Tier.WIRE, name
    owners = [by_name[name].owner for name in ("WSJ", "Barron's", "MarketWatch", "NY Post")]
    assert owners == ["News Corp"] * 4
    assert by_name["FT"].owner == by_name["Nikkei Asia"].owner
    assert by_name["abcnews.go.com"].owner == "Disney"
    assert {o.of for o in rules.outlets if o.of} <= set(rules.actors)


@pytest.mark.parametrize("name", ["watcher.yaml", "outlets.yaml", "watchlists/us-china-madrid.yaml"])
def test_the_shipped_files_hold_no_secret(name: str) -> None:
    text = (ROOT / "config" / name).read_text(encoding="utf-8")
    assert "hooks.slack.com" not in text
    assert all("${" in line or line.lstrip().startswith("#") for line in text.splitlines() if "urls:" in line)
