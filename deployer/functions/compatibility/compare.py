"""Whether the application that handles the calls of a function would notice a change of its definition.

The producer of arguments is the model, their consumer is the handler. A change is *compatible* if every call that the
new definition admits was admitted by the old one, and *breaking* if not or if that cannot be shown. So it is compatible
to narrow, and breaking to widen: the other way round than for an API that takes requests.

- Undeclared properties count as refused: an object without `additionalProperties` is closed, on both sides. So a new
  property is breaking, even an optional one (the handler may not know it), and it is compatible to remove an optional
  one. `additionalProperties: true` or a schema on the old side says that the handler takes undeclared properties.
- `type: object` alone, which says nothing about properties, is filled by the model with what it likes. As the new
  schema it is open, as the old one closed: only two of them, or an open old object, are compatible.
- The same holds for whole functions: to remove one is compatible, since nobody calls it; to add or rename one is not.
- `format` counts as a constraint. Patterns are never run: a pattern that changes is breaking.
- `not`, `if`, `dependentSchemas`, unknown keywords and combinations that cannot be taken apart may stay what they are;
  where they change it cannot be shown that the change is compatible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from deployer.functions.compatibility.compare_schemas import Comparison, TooMuch
from deployer.functions.compatibility.difference import Difference, Pointer, difference
from deployer.functions.values import deeper_than, written

__all__ = ["Difference", "compare", "compare_all"]

MOST_LEVELS = 100
_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}
_SETTINGS = ("async", "defer_loading")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Give all differences of two definitions; other keys than those that reach the API do not count."""
    return tuple(dict.fromkeys((*_head(old, new), *_parameters(old, new), *_settings(old, new))))


def compare_all(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> tuple[Difference, ...]:
    """Give all differences of an assistant's functions, by name; each pointer begins with the (new) name.

    A function that is gone and one of another name with the same parameters are one that was renamed.
    """
    renamed = _renamed(old, new)
    found: list[Difference] = []
    for name, definition in new.items():
        before = old.get(renamed.get(name, name))
        if before is None:
            found.append(difference("function-added", (name,), "is a new function that the application may not handle"))
        else:
            pair = {**before, "name": renamed.get(name, name)}, {**definition, "name": name}
            found += [replace(item, pointer=(name, *item.pointer)) for item in compare(*pair)]
    gone = old.keys() - new.keys() - set(renamed.values())
    return (*found, *(difference("function-removed", (name,), "is gone") for name in old if name in gone))


def _renamed(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """New names by which functions are called that had another name."""
    gone = [name for name in old if name not in new]
    found: dict[str, str] = {}
    for name, definition in new.items():
        alike = [one for one in gone if written(_schema(old[one])) == written(_schema(definition))]
        if name not in old and alike:
            found[name] = alike[0]
            gone.remove(alike[0])
    return found


def _schema(definition: Mapping[str, Any]) -> Any:
    given = definition.get("parameters")
    return _NO_ARGUMENTS if given is None else given


def _head(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    if old.get("name") != new.get("name"):
        yield difference("function-renamed", ("name",), f"name was {old.get('name')}, is {new.get('name')} now")
    if (old.get("description") or "") != (new.get("description") or ""):
        yield difference("annotation-changed", ("description",), "description changed")
    strict = [side.get("strict") is True for side in (old, new)]
    if strict == [True, False]:
        yield difference(
            "strict-dropped", ("strict",), "strict is no longer true: nothing holds the model to the schema"
        )
    elif strict == [False, True]:
        yield difference("strict-added", ("strict",), "strict is true now: the API holds the model to the schema")


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in _SETTINGS:
        if bool(old.get(key)) != bool(new.get(key)):
            yield difference("setting-changed", (key,), f"{key} changed")


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = _schema(old), _schema(new)
    pointer: Pointer = ("parameters",)
    if deeper_than(before, MOST_LEVELS) or deeper_than(after, MOST_LEVELS):
        return [difference("undecidable", pointer, f"nests deeper than {MOST_LEVELS} levels, and is not compared")]
    try:
        return Comparison(before, after).schemas(before, after, pointer)
    except TooMuch:
        return [difference("undecidable", pointer, "is too large to be compared")]
