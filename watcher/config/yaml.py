"""Reading one YAML 1.2 file into plain data that remembers where everything stood.

Scalars may take values from outside so that no secret stands in a file: `${NAME}`, `${NAME:-default}`, `$${` for a
literal `${`, and `!file path`. What came from outside is hidden from every message. What the data mean is not known
here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from watcher.config.problems import WHOLE_FILE, Place, Problems

Path_ = tuple[str | int, ...]

MAX_NODES = 100_000  # aliases of aliases can make a small file grow without end
MAX_DEPTH = 40

_FILE = "the path of a UTF-8 text file that can be read, from the folder of this one"
_TAG = "tag:yaml.org,2002:"
_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})?")
_BARE = re.compile(r"[\[{,:]\s*[^\s\"'#][^\"'#]*\$\{|[\[{,:]\s*\$\{")  # outside quotes
_WORDS = {"true": True, "false": False}


@dataclass(slots=True)
class Document:
    """One file's data with the place of every key and value."""

    file: str
    path: Path
    data: Any = None
    values: dict[Path_, Place] = field(default_factory=dict)
    keys: dict[Path_, Place] = field(default_factory=dict)
    broken: set[Path_] = field(default_factory=set)  # values that could not be had; their mistake is told already

    def place(self, path: Path_) -> Place:
        """Return where the value at `path` stands, or its nearest parent that is in the file."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))

    def key_place(self, path: Path_) -> Place:
        """Return where the key of `path` stands, or as `place` says when it is no key."""
        return self.keys.get(path) or self.place(path)


def read(path: Path, env: Mapping[str, str], problems: Problems, *, name: str = "") -> Document | None:
    """Read one file; None, with the reason noted, when it cannot be read as YAML at all.

    Smaller mistakes (a duplicate key, an unset variable) are noted and the rest of the file is still returned.
    """
    file = name or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problems.add(file, WHOLE_FILE, "the file is not UTF-8 text")
        return None
    except (OSError, ValueError) as error:
        problems.add(file, WHOLE_FILE, f"the file cannot be read: {_reason(error)}")
        return None
    return parse(text, path, env, problems, name=file)


def parse(text: str, path: Path, env: Mapping[str, str], problems: Problems, *, name: str = "") -> Document | None:
    """Do as `read` with text already in hand; `path` is where `!file` starts from."""
    document = Document(name or str(path), path)
    node = _compose(text, document, problems)
    if node is None:
        return None
    builder = _Builder(document, env, problems)
    document.data = builder.build(node, (), 0)
    return None if builder.overflown else document


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or "not a usable path").lower()


def _compose(text: str, document: Document, problems: Problems) -> Node | None:
    """Parse to nodes. ruamel raises bare ValueErrors and friends for some broken escapes and directives."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor used twice is legal YAML 1.2
            reader = YAML(typ="safe", pure=True)
            reader.Composer = _LeanComposer
            node = reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(error.problem or error.context or "unreadable")
        if what.startswith("but "):
            what = f"{error.context} {what}"
        problems.add(document.file, place, f"not valid YAML: {what}{_bare_reference(error, text)}")
        return None
    except RecursionError:
        problems.add(document.file, (1, 1), "not valid YAML: nested too deeply")
        return None
    except (YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError, AssertionError) as error:
        problems.add(document.file, _position(error, text), "not valid YAML: a character or escape that YAML refuses")
        return None
    if node is None:
        problems.add(document.file, (1, 1), "the file is empty")
    return node  # type: ignore[no-any-return]  # ruamel's compose is untyped


class _LeanComposer(Composer):
    """Composes nodes whose mark is the place where they begin: ruamel's own are half of what a large file takes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        node = super().compose_node(parent, index)
        if not isinstance(node.start_mark, tuple):  # an alias is a node composed before
            node.start_mark, node.end_mark = (node.start_mark.line + 1, node.start_mark.column + 1), None
        return node


def _bare_reference(error: MarkedYAMLError, text: str) -> str:
    """Return a hint where a `${` without quotes, which opens a mapping within { } and [ ], is the likely cause."""
    marks = [mark.line for mark in (error.context_mark, error.problem_mark) if mark and not isinstance(mark, tuple)]
    lines = text.splitlines()[min(marks) : max(marks) + 1] if marks else []
    return "; put ${…} in quotes" if any(_BARE.search(line) for line in lines) else ""


def _position(error: Exception, text: str) -> Place:
    """Turn a reader error's character offset into line and column."""
    offset = getattr(error, "position", None)
    if not isinstance(offset, int):
        return (1, 1)
    before = text[:offset]
    return (before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


class _Builder:
    """Turns nodes into data, noting places and mistakes on the way."""

    def __init__(self, document: Document, env: Mapping[str, str], problems: Problems) -> None:
        self._document = document
        self._env = env
        self._problems = problems
        self._count = 0
        self.overflown = False

    def build(self, node: Node, path: Path_, depth: int) -> Any:
        self._count += 1
        if self.overflown or self._count > MAX_NODES or depth > MAX_DEPTH:
            if not self.overflown:
                self._note(node, "the file is nested too deeply or refers to itself")
            self.overflown = True
            return None
        self._document.values[path] = _place(node)
        if isinstance(node, MappingNode):
            self._refuse_tag(node, "map")
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            self._refuse_tag(node, "seq")
            return [self.build(child, (*path, index), depth + 1) for index, child in enumerate(node.value)]
        before = len(self._problems)
        value = self._scalar(node) if isinstance(node, ScalarNode) else None
        if len(self._problems) > before:
            self._document.broken.add(path)
        return value

    def _mapping(self, node: MappingNode, path: Path_, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._note(key_node, "a key must be a word")
                continue
            key = str(key_node.value)
            if key in data:
                self._note(key_node, f'duplicate key "{key}"; it stands in line {first[key]} already')
                continue
            if key_node.tag == _TAG + "merge":
                self._note(key_node, 'merge keys ("<<") are not supported; use `defaults`')
                continue
            first[key] = _place(key_node)[0]
            self._document.keys[(*path, key)] = _place(key_node)
            data[key] = self.build(value_node, (*path, key), depth + 1)
        return data

    def _scalar(self, node: ScalarNode) -> Any:
        tag = str(node.tag)
        text = self._fill(node)
        if tag == "!file":
            return self._file(node, text)
        if tag != "!" and not tag.startswith(_TAG):
            self._note(node, f'unknown tag "{tag}"', "!file")
            return None
        return _value(text, tag.removeprefix(_TAG))

    def _fill(self, node: ScalarNode) -> str:
        """Put in the values of the environment."""

        def put(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            name, default = match["name"], match["default"]
            if name is None:
                self._note(node, "a broken reference: write ${NAME}, ${NAME:-default}, or $${ for a literal ${")
                return ""
            value = self._env.get(name)
            if value is None and default is None:
                message = f"the environment variable {name} is not set and has no default"
                self._note(node, message, f"set it, or write ${{{name}:-default}}")
            self._problems.hide(value or "")
            return value or default or ""  # as in a shell, `:-` is for an empty variable too

        return _REFERENCE.sub(put, node.value)

    def _file(self, node: ScalarNode, name: str) -> str:
        try:
            text = (self._document.path.parent / Path(name)).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            self._note(node, "the file of !file is not UTF-8 text", _FILE)
        except (OSError, ValueError) as error:
            self._note(node, f"the file of !file cannot be read: {_reason(error)}", _FILE)
        else:
            text = text.rstrip("\r\n")
            self._problems.hide(text)
            return text
        return ""

    def _refuse_tag(self, node: Node, kind: str) -> None:
        if str(node.tag) != _TAG + kind:
            self._note(node, f'unknown tag "{node.tag}"', "!file, before a path")

    def _note(self, node: Node, message: str, allowed: str = "") -> None:
        self._problems.add(self._document.file, _place(node), message, allowed)


def _place(node: Node) -> Place:
    return node.start_mark  # type: ignore[no-any-return]  # set by _LeanComposer


def _value(text: str, kind: str) -> Any:
    """Resolve a scalar by YAML 1.2's core schema; a date stays text, for its field says what it must be."""
    if kind == "null":
        return None
    if kind == "bool":
        return _WORDS.get(text.lower(), text)
    if kind == "int":
        return _number(text)
    if kind == "float":
        try:
            return float(text.replace("_", ""))
        except ValueError:
            return text
    return text


def _number(text: str) -> int | str:
    for base in (0, 10):  # base 0 reads 0x1f and 0o17 and refuses 010, which YAML 1.2 reads as ten
        try:
            return int(text, base)
        except ValueError:
            continue
    return text
