"""YAML as the loader reads it: version 1.2, places, values from outside, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from watcher.config.problems import Problems
from watcher.config.yaml import Document, parse, read


def data(text: str, env: dict[str, str] | None = None, folder: Path = Path()) -> Any:
    problems = Problems()
    document = parse(text, folder / "f.yaml", env or {}, problems)
    assert not list(problems), list(problems)
    assert document is not None
    return document.data


def faults(text: str, env: dict[str, str] | None = None, folder: Path = Path()) -> list[tuple[int, int, str]]:
    problems = Problems()
    parse(text, folder / "f.yaml", env or {}, problems)
    return [(p.line, p.column, p.message) for p in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("12:30", "12:30"),
        ("010", 10),
        ("0x1f", 31),
        ("0o17", 15),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("~", None),
        ("2025-09-14", "2025-09-14"),
        ("2025-09-14T08:00:00Z", "2025-09-14T08:00:00Z"),
        ("!!str 5", "5"),
        ("'5'", "5"),
    ],
)
def test_scalars_are_yaml_1_2_and_dates_stay_text(text: str, value: object) -> None:
    found = data(f"k: {text}")["k"]
    assert found == value
    assert type(found) is type(value)


def test_the_environment() -> None:
    env = {"A": "one", "EMPTY": ""}
    assert data('k: "${A} and ${B:-two} $${A} ${EMPTY:-three}${EMPTY}."', env)["k"] == "one and two ${A} three."
    assert data("k: ${A}", env)["k"] == "one"
    assert data("k: ${B:-}", env)["k"] == ""
    assert data("k: ${N}", {"N": "5"})["k"] == "5"


def test_a_value_is_not_expanded_again() -> None:
    assert data("k: ${A}", {"A": "${B}"})["k"] == "${B}"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret ${NOT}\r\n\n")
    text = "k: !file secret\nl: !file ${DIR}/secret\n"
    assert data(text, {"DIR": str(tmp_path)}, tmp_path) == {"k": "s3cret ${NOT}", "l": "s3cret ${NOT}"}


def test_aliases_are_followed() -> None:
    assert data("a: &x [1, 2]\nb: *x\nc: &x 3\nd: *x\n") == {"a": [1, 2], "b": [1, 2], "c": 3, "d": 3}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\nb: 2\n a: 3\n", (3, 3, "not valid YAML: mapping values are not allowed here")),
        ("a: 1\nb: 2\na: 3\n", (3, 1, 'duplicate key "a"; it stands in line 1 already')),
        ("a: {b: 1, b: 2}\n", (1, 11, 'duplicate key "b"; it stands in line 1 already')),
        ("", (1, 1, "the file is empty")),
        ("# nothing\n", (1, 1, "the file is empty")),
        ("a: ${NAME}\n", (1, 4, "the environment variable NAME is not set and has no default")),
        ("a:\n  - x\n  - 'y ${NAME}'\n", (3, 5, "the environment variable NAME is not set and has no default")),
        ("a: ${1}\n", (1, 4, "a broken reference: write ${NAME}, ${NAME:-default}, or $${ for a literal ${")),
        ("a: ${A\n", (1, 4, "a broken reference: write ${NAME}, ${NAME:-default}, or $${ for a literal ${")),
        ("a: !file nowhere\n", (1, 4, "the file of !file cannot be read: no such file or directory")),
        ('a: !file "x\\0y"\n', (1, 4, "the file of !file cannot be read: not a usable path")),
        ("a: !env X\n", (1, 4, 'unknown tag "!env"')),
        ("a: !file [x]\n", (1, 4, 'unknown tag "!file"')),
        ("a: !file {x: y}\n", (1, 4, 'unknown tag "!file"')),
        ("? [a]\n: 1\n", (1, 3, "a key must be a word")),
        ("a: &x {b: 1}\nc: {<<: *x}\n", (2, 5, 'merge keys ("<<") are not supported; use `defaults`')),
        (
            "a: 1\n--- \nb: 2\n",
            (2, 1, "not valid YAML: expected a single document in the stream but found another document"),
        ),
        ("a: *b\n", (1, 4, "not valid YAML: found undefined alias 'b'")),
        ("a: &x [*x]\n", (1, 4, "the file is nested too deeply or refers to itself")),
        ("a: \x07\n", (1, 4, "not valid YAML: a character or escape that YAML refuses")),
    ],
)
def test_what_is_refused(text: str, fault: tuple[int, int, str]) -> None:
    assert faults(text) == [fault]


@pytest.mark.parametrize(
    "text", ["a: {b: ${X}}\n", "a: [${X}]\n", "a: [x, ${X:-y}]\n", "a: {b: [mail://${X}]}\n", "a: {\n  b: ${X}}\n"]
)
def test_a_reference_without_quotes_in_a_flow_collection_gets_a_hint(text: str) -> None:
    (fault,) = faults(text, {"X": "1"})
    assert fault[2].startswith("not valid YAML: ")
    assert fault[2].endswith("; put ${…} in quotes")


def test_a_reference_in_quotes_gets_no_such_hint() -> None:
    for text in ('a: {b: "${X}", c\n', "a: ['${X}'\n", "a: 1\nb: ${X}\n c: 2\n"):
        (fault,) = faults(text, {"X": "1"})
        assert "quotes" not in fault[2] or "b: ${X}" in text


def test_depth_and_growth_are_limited() -> None:
    assert [f[2] for f in faults("a: " + "[" * 60 + "]" * 60)] == ["the file is nested too deeply or refers to itself"]
    assert [f[2] for f in faults("[" * 20_000)] == ["not valid YAML: nested too deeply"]
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{k}: &a{k} [{','.join(['*a' + str(k - 1)] * 10)}]\n" for k in range(1, 9)
    )
    assert [f[2] for f in faults(bomb)] == ["the file is nested too deeply or refers to itself"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\xfe\n")
    for path, message in (
        (tmp_path / "nowhere.yaml", "the file cannot be read: no such file or directory"),
        (tmp_path, "the file cannot be read: is a directory"),
        (tmp_path / "bytes.yaml", "the file is not UTF-8 text"),
    ):
        problems = Problems()
        assert read(path, {}, problems) is None
        (only,) = problems
        assert (only.file, only.line, only.message) == (str(path), 0, message)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    document = read(tmp_path / "f.yaml", {}, Problems())
    assert isinstance(document, Document)
    assert document.data == {"a": 1}


def test_places_are_of_keys_and_values() -> None:
    document = parse("a:\n  - b: 中文\n    c: [x, y]\n", Path("f.yaml"), {}, Problems())
    assert document is not None
    assert document.key_place(("a", 0, "c")) == (3, 5)
    assert document.place(("a", 0, "c", 1)) == (3, 12)
    assert document.place(("a", 0, "missing")) == (2, 5)


def test_secrets_are_hidden_from_every_message() -> None:
    problems = Problems()
    problems.add("f", (1, 1), 'unknown key "hunter2"')
    problems.add("f", (2, 1), "cannot use mailto://me:correct-horse@host", "correct-horse, other")
    problems.hide("hunter2")
    problems.hide("correct-horse")
    assert [(p.message, p.allowed) for p in problems] == [
        ('unknown key "•••"', ""),
        ("cannot use mailto://me:•••@host", "•••, other"),
    ]
