"""Schemas that also admit null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NULL = {"type": "null"}


def admits_null(schema: Mapping[str, Any]) -> bool:
    """Whether a strict schema admits null already; not known of a `$ref`."""
    if "anyOf" in schema:
        return any(admits_null(branch) for branch in schema["anyOf"])
    if "null" not in types(schema):
        return False
    return schema.get("const") is None and None in schema.get("enum", [None])


def types(schema: Mapping[str, Any]) -> list[str]:
    """The value of `type` as a list."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give a strict schema that admits null and what the given one admits; keys keep their order."""
    if admits_null(schema):
        return dict(schema)
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _NULL]}
    if "$ref" in schema:
        return {"anyOf": [dict(schema), _NULL]}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        result.update(_with_null(key, value, schema))
    return result


def _with_null(key: str, value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    if key == "const":
        return {"enum": [value, None]} if value is not None else {key: value}
    if key == "enum":
        return {key: value if None in value else [*value, None]}
    if key == "type" and "null" not in types(schema):
        return {key: [*types(schema), "null"]}
    return {key: value}
