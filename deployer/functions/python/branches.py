"""Take a schema apart into branches, each of one JSON type."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_UNREAD = ("allOf", "not", "if", "$dynamicRef", "dependentSchemas")
_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_SHAPES = ("properties", "items", "required", "additionalProperties", "patternProperties", "prefixItems")
_MOST_HOPS = 20


@dataclass(frozen=True, slots=True)
class Branch:
    """One JSON type (`any`: all of them) with the schema that says more about it, or the only values."""

    type: str
    schema: Mapping[str, Any]
    values: tuple[Any, ...] | None = None


def branches(schema: Any, root: Mapping[str, Any]) -> list[Branch | None]:
    """Open unions, type lists and enumerations; None is a branch that is not understood. A union is opened once."""
    found: list[Branch | None] = []
    waiting, seen = deque([schema]), set[int]()
    while waiting:
        part = resolved(waiting.popleft(), root)
        if id(part) in seen and isinstance(part, Mapping):
            continue
        seen.add(id(part))
        union = _union(part)
        if union is None:
            found += _single(part)
        else:
            waiting += union
    return found


def _union(schema: Any) -> list[Any] | None:
    word = next((word for word in ("anyOf", "oneOf") if isinstance(schema, Mapping) and word in schema), None)
    if word is None or any(key in schema for key in ("type", "enum", "const", *_SHAPES, *_UNREAD)):
        return None
    return as_list(schema[word])


def _single(schema: Any) -> list[Branch | None]:
    if schema is True or schema == {}:
        return [Branch("any", {})]
    if not isinstance(schema, Mapping) or any(word in schema for word in (*_UNREAD, "anyOf", "oneOf")):
        return [None]
    if "enum" in schema or "const" in schema:
        return _enumerated(schema)
    if "type" not in schema:
        return [None] if any(word in schema for word in _SHAPES) else [Branch("any", {})]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return [Branch(kind, schema) if kind in _TYPES else None for kind in kinds]


def _enumerated(schema: Mapping[str, Any]) -> list[Branch | None]:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if not isinstance(values, list):
        return [None]
    kinds = dict.fromkeys(map(_type, values))
    return [Branch(kind, schema, tuple(value for value in values if _type(value) == kind)) for kind in kinds]


def resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    """Follow a local `$ref`; None where it leads nowhere, elsewhere or in a circle."""
    for _ in range(_MOST_HOPS):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        schema = _target(str(schema["$ref"]), root)
    return None


def _target(reference: str, root: Any) -> Any:
    if not reference.startswith("#"):
        return None
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        root = root.get(key) if isinstance(root, Mapping) else None
    return root


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    kinds = {float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def text(value: Any) -> str:
    """Give one text for each JSON value: 1.0 is 1, and the order of keys means nothing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=repr)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
