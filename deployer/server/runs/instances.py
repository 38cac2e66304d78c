"""The smallest instance of a JSON Schema: what a rehearsal gives a function, or answers where JSON is wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MOST_DEPTH = 32
_MOST_ITEMS = 1000
_FORMATS = {
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# What is tried for a pattern; there is no other way to one than to guess.
_GUESSES = (
    "",
    "a",
    "A",
    "0",
    "00",
    "000",
    "0000",
    "aa",
    "AA",
    "AAA",
    "a0",
    "A0",
    "2026-01-01",
    "00:00",
    "+1",
    "#000000",
)


def smallest_instance(schema: Any, root: Mapping[str, Any] | None = None, depth: int = 0) -> Any:
    """Return an example of a schema: its own example or default, else the smallest value that it allows.

    Objects have what is required, arrays as few items as may be. A pattern is met if one of some guesses meets it.
    """
    if not isinstance(schema, Mapping):
        return None
    root = schema if root is None else root
    if depth > _MOST_DEPTH:
        return None
    for given in (*_listed(schema.get("examples")), *(schema[key] for key in ("const", "default") if key in schema)):
        return given
    if enum := _listed(schema.get("enum")):
        return enum[0]
    target = _combined(schema, root)
    if target is not None:
        return smallest_instance(target, root, depth + 1)
    return _of_type(_type(schema), schema, root, depth)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _combined(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema that stands for a reference, for the first choice, or for all that must hold at once."""
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf", "oneOf", "allOf")}
    if "$ref" in schema:
        return _merged(_resolved(schema["$ref"], root), rest)
    for key in ("anyOf", "oneOf"):
        if choices := _listed(schema.get(key)):
            return _merged(choices[0], rest)
    if parts := _listed(schema.get("allOf")):
        whole: Mapping[str, Any] = rest
        for part in parts:
            whole = _merged(whole, part)
        return whole
    return None


def _merged(one: Any, other: Any) -> Mapping[str, Any]:
    """Return two schemas as one: properties and requirements of both."""
    one, other = (part if isinstance(part, Mapping) else {} for part in (one, other))
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        both["required"] = [*_listed(one["required"]), *_listed(other["required"])]
    return both


def _resolved(reference: Any, root: Mapping[str, Any]) -> Any:
    """Return what a local reference (`#/$defs/name`) points to."""
    found: Any = root
    for part in str(reference).removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if key and isinstance(found, Mapping):
            found = found.get(key)
    return found


def _type(schema: Mapping[str, Any]) -> str:
    given = schema.get("type")
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "null")
    if isinstance(given, str):
        return given
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _of_type(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    match kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            least = min(int(schema.get("minItems", 0)), _MOST_ITEMS)
            return [smallest_instance(schema.get("items", {}), root, depth + 1) for _ in range(least)]
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return _string(schema)


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    required = [name for name in properties if name in _listed(schema.get("required"))]
    return {name: smallest_instance(properties[name], root, depth + 1) for name in required}


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    step = schema.get("multipleOf", 1 if whole else 0) or 0
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    value = 0 if least is None or least < 0 else least
    if most is not None and value > most:
        value = most
    if value == schema.get("exclusiveMinimum"):
        value += step or 0.5
    if value == schema.get("exclusiveMaximum"):
        value -= step or 0.5
    if step and value % step:
        value = (value // step + 1) * step
    return int(value) if whole else value


def _string(schema: Mapping[str, Any]) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    least = int(schema.get("minLength", 0))
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return next((guess for guess in _GUESSES if len(guess) >= least and _matches(pattern, guess)), "a" * least)
    return "a" * min(least, 10_000)


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False
