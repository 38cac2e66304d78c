"""Is it JSON, and of a size that can be looked at? The one pass that runs before every other rule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deployer.functions.tree import Pointer

MOST_BYTES = 3 * 1024 * 1024
MOST_VALUES = 50_000
MOST_LEVELS = 128
TOO_DEEP = f"more than {MOST_LEVELS} levels of lists and mappings"
_SCALARS = (str, int, float, type(None))
_PLAIN = frozenset((str, int, bool, type(None)))


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value is not looked at any further; `rule` is `json`, `size` or `depth`."""

    rule: str
    pointer: Pointer
    what: str


@dataclass(frozen=True, slots=True)
class _Place:
    value: Any
    parent: _Place | None = None
    key: str | int = ""
    level: int = 0

    def pointer(self) -> Pointer:
        keys: list[str | int] = []
        place = self
        while place.parent is not None:
            keys.append(place.key)
            place = place.parent
        return tuple(reversed(keys))


def misfit(value: Any) -> Misfit | None:
    """Return the first reason why the value cannot be checked; counts what JSON would take, shared parts each time."""
    stack, size, values = [_Place(value)], 0, 1
    while stack:
        place = stack.pop()
        wrong = _wrong(place)
        if wrong is not None:
            return wrong
        size, values = size + _bytes(place.value), values + _count(place.value)
        for key, inner in _inside(place.value):
            if type(inner) in _PLAIN:  # nothing can be wrong with it: no place is made for it
                size += len(inner) + 2 if type(inner) is str else 4
            else:
                stack.append(_Place(inner, place, key, place.level + 1))
        if size > MOST_BYTES or values > MOST_VALUES:
            return Misfit("size", (), f"more than 3 MiB, or more than {MOST_VALUES} values")
    return None


def _wrong(place: _Place) -> Misfit | None:
    value = place.value
    if isinstance(value, dict):
        odd = next((key for key in value if not isinstance(key, str)), None)
        if odd is not None or None in value:
            return Misfit("json", place.pointer(), f"the key {odd!r} is not text")
    elif isinstance(value, float) and not math.isfinite(value):
        return Misfit("json", place.pointer(), f"{value!r} is no number that JSON can write")
    elif not isinstance(value, (*_SCALARS, list)):
        return Misfit("json", place.pointer(), f"a {type(value).__name__} is nothing that JSON can write")
    if place.level > MOST_LEVELS or (place.level == MOST_LEVELS and isinstance(value, dict | list) and value):
        return Misfit("depth", (), TOO_DEEP)
    return None


def _count(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 0


def _bytes(value: Any) -> int:
    """About what the value takes as JSON, without what is inside it: its text, or its brackets, keys and commas."""
    if isinstance(value, dict):
        return 2 + sum(len(key) + 4 for key in value)
    if isinstance(value, list):
        return 2 + len(value)
    return len(value) + 2 if isinstance(value, str) else 4


def _inside(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()
