"""From a document's data to a model, noting every mistake with its place; mistakes are cut out so that the rest of
the file can be checked in the same run. What a file's words refer to is not known here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from watcher.config.problems import Place, Problems, hint, listed
from watcher.config.yaml import Document, Path_

M = TypeVar("M", bound=BaseModel)
_ROUNDS = 12


class Checked(Generic[M]):
    """What could be used of a document, and where in the file each part of it stands."""

    def __init__(self, model: M, document: Document, origin: _Origin) -> None:
        self.model = model
        self.document = document
        self._origin = origin

    def path(self, path: Path_) -> Path_:
        """Return the path in the file of a path in the model; they differ once a list lost an element."""
        return self._origin.trace(path)

    def has_lost(self, path: Path_) -> bool:
        """Tell whether mistakes were cut out of the list or mapping at a path; it may be empty only for that."""
        return self._origin.has_lost(path)

    def place(self, path: Path_) -> Place:
        """Return where the value at a path of the model stands."""
        return self.document.place(self.path(path))

    def key_place(self, path: Path_) -> Place:
        """Return where the key at a path of the model stands."""
        return self.document.key_place(self.path(path))


class _Origin:
    """A tree shaped as the data, which keeps the original path of everything while pieces are cut out."""

    def __init__(self, data: Any, path: Path_ = ()) -> None:
        self.path = path
        self.lost = False
        self.children: dict[str, _Origin] | list[_Origin] = {}
        if isinstance(data, dict):
            self.children = {key: _Origin(value, (*path, key)) for key, value in data.items()}
        elif isinstance(data, list):
            self.children = [_Origin(value, (*path, index)) for index, value in enumerate(data)]

    def child(self, part: str | int) -> _Origin | None:
        if isinstance(self.children, dict):
            return self.children.get(part) if isinstance(part, str) else None
        return self.children[part] if isinstance(part, int) and part < len(self.children) else None

    def has_lost(self, path: Path_) -> bool:
        node: _Origin | None = self
        for part in path:
            node = node.child(part) if node else None
        return node is not None and node.lost

    def trace(self, path: Path_) -> Path_:
        node = self
        for index, part in enumerate(path):
            child = node.child(part)
            if child is None:
                return (*node.path, *path[index:])
            node = child
        return node.path


def check(model: type[M], document: Document, problems: Problems) -> Checked[M] | None:
    """Validate a whole document; None when nothing usable is left of it."""
    data = copy.deepcopy(document.data)
    if not isinstance(data, dict):
        problems.add(document.file, document.place(()), "expected keys and values", listed(_fields(model)))
        return None
    origin = _Origin(data)
    for round_ in range(_ROUNDS):
        try:
            return Checked(model.model_validate(data), document, origin)
        except ValidationError as error:
            found = error.errors(include_url=False)
        for detail in found:
            # later rounds see the holes that cutting left: only mistakes of the file itself are told
            path = _written(data, _path(detail["loc"]))
            if round_ == 0 or not (detail["type"] == "missing" or origin.has_lost(path)):
                _note(model, detail, origin.trace(path), document, problems)
        if not _cut(data, origin, found):
            return None
    return None


def _path(loc: Iterable[str | int]) -> Path_:
    return tuple(part for part in loc if part != "[key]")


def _written(data: Any, path: Path_) -> Path_:
    """Return the path in the file: what stands alone where a list may stand is no element of one there."""
    kept: list[str | int] = []
    for part in path:
        if isinstance(data, dict) and isinstance(part, int):
            continue
        kept.append(part)
        there = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        data = data[part] if there else None
    return tuple(kept)


def _note(model: type[BaseModel], detail: ErrorDetails, path: Path_, document: Document, problems: Problems) -> None:
    kind, context = detail["type"], detail.get("ctx", {})
    if any(path[: len(broken)] == broken for broken in document.broken):
        return
    if kind == "extra_forbidden":
        keys = _keys(model, _path(detail["loc"])[:-1])
        name = str(path[-1])
        problems.add(document.file, document.key_place(path), f'unknown key "{name}"{hint(name, keys)}', listed(keys))
    elif kind == "missing":
        problems.add(document.file, document.place(path[:-1]), f'missing key "{path[-1]}"')
    elif "[key]" in detail["loc"]:
        problems.add(document.file, document.key_place(path), _text(detail), str(context.get("allowed", "")))
    elif kind == "choice":
        given = detail["input"]
        shown = f'"{given}" is ' if isinstance(given, str) else ""
        near = hint(str(given), context["words"]) if shown else ""
        problems.add(document.file, document.place(path), f"{shown}{_text(detail)}{near}", str(context["allowed"]))
    else:
        problems.add(document.file, document.place(path), _text(detail), str(context.get("allowed", "")))


_MESSAGES = {
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "string_type": "expected text",
}


def _text(detail: ErrorDetails) -> str:
    return _MESSAGES.get(detail["type"], detail["msg"])


def _keys(model: type[BaseModel], path: Path_) -> list[str]:
    """Return the keys allowed in the section at `path`."""
    kind: Any = model
    for part in path:
        kind = _inside(kind, part)
    section = _section(kind)
    return [] if section is None else _fields(section)


def _fields(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _inside(kind: Any, part: str | int) -> Any:
    section = _section(kind)
    if section is None:
        arguments = [a for a in get_args(kind) if a is not Ellipsis]
        return arguments[-1] if arguments else None
    for name, field in section.model_fields.items():
        if part in (name, field.alias):
            return _bare(field.annotation)
    return None


def _bare(kind: Any) -> Any:
    """Strip `| None`."""
    arguments = [a for a in get_args(kind) if a is not type(None)]
    return arguments[0] if type(None) in get_args(kind) else kind


def _section(kind: Any) -> type[BaseModel] | None:
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _cut(data: Any, origin: _Origin, found: list[ErrorDetails]) -> bool:
    """Take the wrong pieces out of `data`, the last of a list first; False when the whole file would have to go."""
    paths = set()
    for detail in found:
        path = _written(data, _path(detail["loc"]))
        paths.add(_existing(data, path[:-1] if detail["type"] == "missing" else path))
    if () in paths:
        return False
    for path in sorted(paths, key=lambda p: [(isinstance(x, int), x if isinstance(x, int) else 0) for x in p])[::-1]:
        _remove(data, origin, path)
    return True


def _existing(data: Any, path: Path_) -> Path_:
    """Shorten a path to what is there: a word written where a list may stand has no elements."""
    for index, part in enumerate(path):
        there = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if not there:
            return path[:index]
        data = data[part]
    return path


def _remove(data: Any, origin: _Origin, path: Path_) -> None:
    if _existing(data, path) != path:
        return  # gone with its parent
    for part in path[:-1]:
        data = data[part]
        origin = origin.child(part) or origin
    origin.lost = True
    del data[path[-1]]
    del origin.children[path[-1]]  # type: ignore[arg-type]  # shaped as data
