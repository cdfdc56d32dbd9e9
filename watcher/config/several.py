"""A list whose only element may be written without the list."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from watcher.config.fields import wrong


class Several:
    """Marks a tuple that an operator writes as a list, or as its only element; an empty list is a mistake."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wrap a lone element before the elements are checked, and refuse an empty list after."""
        checked = core_schema.no_info_after_validator_function(_not_empty, handler(source))
        return core_schema.no_info_before_validator_function(_listed, checked)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe both ways of writing it."""
        many = handler(schema)
        return {"anyOf": [many["items"], {**many, "minItems": 1}]}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise wrong("must not be empty")
    return value
