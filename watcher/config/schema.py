"""The JSON Schema of every kind of file an operator writes, made from the same models that check them.

Editors read it; the loader does not.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from watcher.config.fields import format_duration
from watcher.config.lifecycles import LifecycleFile
from watcher.config.outlets import OutletsFile
from watcher.config.seeds import SeedFile
from watcher.config.settings import ServiceFile
from watcher.config.watchlists import WatchlistFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILES: dict[str, type[BaseModel]] = {
    "watcher": ServiceFile,
    "watchlist": WatchlistFile,
    "outlets": OutletsFile,
    "lifecycle": LifecycleFile,
    "seed": SeedFile,
}


def json_schema() -> dict[str, Any]:
    """Return one document (draft 2020-12): `$defs` holds a schema for each kind of file, by name.

    It describes the files after ${NAME} and !file were put in. A file of any kind satisfies the whole.
    """
    modes: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in FILES.values()]
    _, made = models_json_schema(modes, by_alias=True)
    names = {model.__name__: name for name, model in FILES.items()}
    definitions = {name: _renamed(schema, names) for name, schema in made["$defs"].items()}
    return {
        "$schema": DIALECT,
        "title": "The configuration of watcher",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in FILES],
        "$defs": {names.get(name, name): schema for name, schema in definitions.items()},
    }


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """Point references at the names that people use, and write defaults as people write them."""
    if isinstance(node, list):
        return [_renamed(each, names) for each in node]
    if not isinstance(node, dict):
        return node
    out = {key: _default(value) if key == "default" else _renamed(value, names) for key, value in node.items()}
    reference = out.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        out["$ref"] = f"#/$defs/{names.get(name, name)}"
    return out


def _default(value: Any) -> Any:
    """Write a length of time, which pydantic gives as "PT15M", as "15m"."""
    if isinstance(value, dict):
        return {key: _default(each) for key, each in value.items()}
    if isinstance(value, str) and re.fullmatch(r"P[0-9DTHMS.]+", value):
        length: timedelta = TypeAdapter(timedelta).validate_python(value)
        return format_duration(length) if length else "never"
    return value
