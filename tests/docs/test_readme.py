"""A sentence in the docs is a promise: their YAML loads, their commands exist, their links lead somewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer.main
from ruamel.yaml import YAML

from watcher.backtest import backtest
from watcher.cli.program import main, program
from watcher.config import load, load_rules
from watcher.delivery.addresses import check_address
from watcher.domain.model import Entry

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "config/**/*.md", "bench/**/*.md", "seeds/**/*.md", "deploy/**/*.md")
    for page in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)|<img [^>]*src=\"(?P<image>[^\"]+)\"")
ENV = {
    "WATCHER_MAIL_URL": "mailto://mail.example.org?from=watcher@example.org&to=desk@example.org",
    "WATCHER_SLACK_URL": "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/abcdefghijklmnopqrstuvwx",
}

SHIPPED = sorted((ROOT / "config" / "watchlists").glob("*.yaml"))

names = [page.relative_to(ROOT).as_posix() for page in PAGES]


def blocks(page: str, *languages: str) -> Iterator[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return (found["body"] for found in FENCE.finditer(text) if found["language"] in languages)


def our_pages(*languages: str) -> list[str]:
    return [page for page in names if any(True for _ in blocks(page, *languages))]


def test_readme_is_among_the_pages() -> None:
    assert {"README.md", "CHANGELOG.md", "docs/index.md", "docs/deploy.md", "bench/README.md"} <= set(names)


@pytest.mark.parametrize("page", our_pages("yaml"))
def test_yaml_blocks_load(page: str) -> None:
    for body in blocks(page, "yaml"):
        YAML(typ="safe", pure=True).load(re.sub(r"!file\b", "", body))


@pytest.mark.parametrize("page", ["README.md", "docs/deploy.md"])
def test_items_in_the_docs_are_accepted(page: str, tmp_path: Path) -> None:
    found = 0
    for body in blocks(page, "yaml"):
        data = YAML(typ="safe", pure=True).load(re.sub(r"!file\b", "", body))
        if "items" in data:
            watchlist = tmp_path / "watchlist.yaml"
            watchlist.write_text(body, encoding="utf-8")
            # one without actors of its own stands beside the list that ships, as the page says
            others = [] if "actors" in data else SHIPPED
            rules, _ = load_rules([watchlist, *others], None, {})
            assert {item["id"] for item in data["items"]} <= {item.id for item in rules.items}
            found += 1
    assert found or page != "README.md"


def test_item_of_the_readme_stands_beside_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Do what the page tells to do, in a copy of config/."""
    (body,) = (body for body in blocks("README.md", "yaml") if "items:" in body)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config" / "watchlists" / "chips.yaml").write_text(body, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in (*ENV, "WATCHER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ((sentence, outlet),) = re.findall(r'^watcher explain "([^"]+)" --outlet (\w+)$', text, re.MULTILINE)
    for words, told in (
        (["check"], "fine; 17 items"),
        (["explain", sentence, "--outlet", outlet], "in_force -> lifted"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        assert ended.value.code == 0, err
        assert told in out


def test_sentence_in_the_readme_moves_its_item(tmp_path: Path) -> None:
    (body,) = (body for body in blocks("README.md", "yaml") if "items:" in body)
    (tmp_path / "watchlist.yaml").write_text(body, encoding="utf-8")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (sentence, outlet) = re.findall(r'^watcher explain "([^"]+)" --outlet (\w+)$', text, re.MULTILINE)[0]
    rules, _ = load_rules([tmp_path / "watchlist.yaml", *SHIPPED], ROOT / "config" / "outlets.yaml", {})
    for title, moves in ((sentence, ["lifted"]), (sentence.replace("lifts", "may lift"), [])):
        at = datetime(2025, 9, 14, tzinfo=UTC)
        (judgement,) = backtest(rules, [Entry("1", "feed", title, at, at, source=outlet)])
        assert [change.to_state for change in judgement.transitions if change.item == "chip-controls"] == moves


def test_receivers_in_the_readme_are_accepted(tmp_path: Path) -> None:
    (body,) = (body for body in blocks("README.md", "yaml") if "notify:" in body)
    (tmp_path / "watchlist.yaml").write_text("items: []\n", encoding="utf-8")
    config = tmp_path / "watcher.yaml"
    config.write_text(f"database: sqlite:///x.db\nwatchlists: [watchlist.yaml]\n{body}", encoding="utf-8")
    settings = load(config, ENV, check_address)
    shipped = load(ROOT / "config" / "watcher.yaml", ENV, check_address)
    assert set(settings.receivers) == set(shipped.receivers)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"notify --test (\S+)", text)) <= set(settings.receivers)


def commands(text: str) -> Iterator[list[str]]:
    """Every `watcher ...` a page tells to run, as words."""
    code = [
        body for found in FENCE.finditer(text) if found["language"] in ("", "sh", "console") for body in [found["body"]]
    ]
    lines = [line.strip().removeprefix("$ ") for body in code for line in body.splitlines()]
    for line in [*lines, *INLINE.findall(FENCE.sub("", text))]:
        words = line.split("#")[0].split()
        words = words[words.index("watcher") :] if "watcher" in words else words
        if len(words) > 1 and words[0] == "watcher" and re.fullmatch(r"[a-z][a-z-]*", words[1]):
            yield words[1:]


def test_variables_in_the_docs_are_those_of_the_configuration() -> None:
    known = set(re.findall(r"\$\{(WATCHER_\w+)", (ROOT / "config" / "watcher.yaml").read_text(encoding="utf-8")))
    for page in names:
        told = set(re.findall(r"\bWATCHER_[A-Z_]+\b", (ROOT / page).read_text(encoding="utf-8")))
        assert told <= known | {"WATCHER_CONFIG", "WATCHER_USER"}, page
    assert known <= set(re.findall(r"\bWATCHER_[A-Z_]+\b", (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", names)
def test_commands_exist(page: str) -> None:
    root = typer.main.get_command(program)
    for words in commands((ROOT / page).read_text(encoding="utf-8")):
        command = root
        for word in words:
            known = getattr(command, "commands", {})
            if not known or (word.startswith("-") and command.invoke_without_command):
                break
            assert word in known, f"{page}: watcher {' '.join(words)}"
            command = known[word]
        options = {name for parameter in command.params for name in parameter.opts}
        asked = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert asked <= options | {"--help", "--version"}, f"{page}: watcher {' '.join(words)}"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = {
        target
        for page in names
        for target in re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"run", "test"} <= told <= targets


@pytest.mark.parametrize("page", names)
def test_links_resolve(page: str) -> None:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for found in LINK.finditer(text):
        target = found["target"] or found["image"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path) if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page}: {target}"


def test_changelog_lines_are_tagged() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in text
    entries = [line for line in text.splitlines() if line.startswith("* ")]
    assert entries
    assert all(re.match(r"\* \[(FEATURE|CHANGE|BUGFIX)\] ", line) for line in entries)
