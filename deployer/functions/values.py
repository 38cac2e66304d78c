"""JSON values as JSON Schema compares them: 1 and 1.0 are one number, 1 and true are two values."""

from __future__ import annotations

import json
from typing import Any

_TYPES = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "string", list: "array"}


def type_of(value: Any) -> str:
    """The JSON type, integers being numbers."""
    return _TYPES.get(type(value), "object")


def is_integer(number: float) -> bool:
    """Whether JSON Schema counts a number as an integer: 1.0 too."""
    return isinstance(number, int) or number.is_integer()


def identity(value: Any) -> str:
    """A text that is the same for equal values only; the order of keys does not count."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def written(value: Any) -> str:
    """A text that is the same only for what is written in the same way, order included."""
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value
