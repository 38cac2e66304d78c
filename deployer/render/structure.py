"""The difference of two JSON values, place by place."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Absent:
    """The value that is not there."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Place:
    """`path` reads like code: `questions[].choices.minItems`; the schema's own levels are left out."""

    path: str
    old: Any
    new: Any


def difference(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Place]:
    """Give each innermost place where the two differ, in the order of the new value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from difference(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
    elif _text(old) != _text(new):
        yield Place(_readable(path), old, new)


def _text(value: Any) -> str:
    return "absent" if isinstance(value, Absent) else json.dumps(value, sort_keys=True)


def _readable(path: tuple[str, ...]) -> str:
    """Write `properties/questions/items/properties/choices` as `questions[].choices`."""
    result, inside = "", False
    for part in path:
        if part == "properties" and not inside:
            inside = True
            continue
        if part == "items" and not inside:
            result += "[]"
        else:
            result += f".{part}" if result else part
        inside = False
    return result.removeprefix("parameters.") or "parameters"
