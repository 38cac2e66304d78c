"""Filters on attributes: comparisons, and `and` / `or` of filters."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from deployer.server.checks import array, choice, fields, free_object, missing, scalar, string
from deployer.server.wire import Json

_MOST_DEPTH = 20
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_COMPARISONS = ("eq", "ne", *_ORDER, "in", "nin")
_TYPE = choice(*_COMPARISONS, "and", "or")
_VALUES = array(scalar, longest=1000)


def check(value: Any, path: str, depth: int = 0) -> Any:
    """A filter, checked; it may nest."""
    if "type" not in free_object(value, path):
        raise missing(f"{path}.type")
    kind = _TYPE(value["type"], f"{path}.type")
    if kind in ("and", "or"):
        if depth == _MOST_DEPTH:
            raise missing(f"{path}.key")
        nested = array(lambda entry, place: check(entry, place, depth + 1), longest=1000)
        return fields({"type": string(), "filters": nested}, required=("filters",))(value, path)
    operand = _VALUES if kind in ("in", "nin") else scalar
    return fields({"type": string(), "key": string(), "value": operand}, required=("key", "value"))(value, path)


def matches(wanted: Json, attributes: Json) -> bool:
    """Whether attributes meet a filter; what is not there meets only `ne` and `nin`."""
    kind = wanted["type"]
    if kind in ("and", "or"):
        results = (matches(part, attributes) for part in wanted["filters"])
        return all(results) if kind == "and" else any(results)
    value, operand = attributes.get(wanted["key"]), wanted["value"]
    if kind in ("eq", "ne"):
        return _same(value, operand) is (kind == "eq")
    if kind in ("in", "nin"):
        return any(_same(value, option) for option in operand) is (kind == "in")
    return _comparable(value, operand) and _ORDER[kind](value, operand)


def _same(value: object, operand: object) -> bool:
    """Equality as JSON has it: true is not 1."""
    return isinstance(value, bool) is isinstance(operand, bool) and bool(value == operand)


def _comparable(value: object, operand: object) -> bool:
    numbers = (isinstance(side, int | float) and not isinstance(side, bool) for side in (value, operand))
    return all(numbers) or (isinstance(value, str) and isinstance(operand, str))
