"""Is it JSON Schema at all? The 2020-12 metaschema, written out by hand.

The library `jsonschema` says the same a hundred times slower; a property test holds both against each other. `says` is
the library's own wording, because the API answers with it ("None is not of type 'array'.", recorded and reported).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from deployer.functions.checks.dialects import TYPES
from deployer.functions.tree import Pointer

_LONGEST_REPR = 200
_ANCHOR = re.compile("^[A-Za-z_][-A-Za-z0-9._]*$")  # both as the metaschema's core vocabulary writes them
_IDENTITY = re.compile("^[^#]*#?$")


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """`pointer` goes on from the schema; `should` is what belongs there."""

    pointer: Pointer
    value: Any
    should: str
    says: str | None = None


Check = Callable[[Any], Iterator[SchemaFault]]


def faults(schema: Any) -> Iterator[SchemaFault]:
    """Check one schema, not those inside it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield _not_a(schema, "a schema", "object", "boolean")
        return
    for keyword, value in schema.items():
        check = KEYWORDS.get(keyword)
        if check is not None:
            yield from (_at(keyword, fault) for fault in check(value))


def _at(step: str | int, fault: SchemaFault) -> SchemaFault:
    return SchemaFault((step, *fault.pointer), fault.value, fault.should, fault.says)


def _not_a(value: Any, should: str, *types: str) -> SchemaFault:
    names = ", ".join(repr(name) for name in types)
    return SchemaFault((), value, should, _said(value, f"is not of type {names}"))


def _said(value: Any, text: str) -> str | None:
    shown = repr(value)
    return f"{shown} {text}." if len(shown) <= _LONGEST_REPR else None


def _text(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, str):
        yield _not_a(value, "text", "string")


def _truth(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, bool):
        yield _not_a(value, "true or false", "boolean")


def _number(value: Any) -> Iterator[SchemaFault]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield _not_a(value, "a number", "number")


def _above_zero(value: Any) -> Iterator[SchemaFault]:
    yield from (wrong := list(_number(value)))
    if not wrong and value <= 0:
        yield SchemaFault((), value, "a number above 0")


def _count(value: Any) -> Iterator[SchemaFault]:
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        yield _not_a(value, "a whole number, 0 or more", "integer")
    elif value < 0:
        yield SchemaFault((), value, "a whole number, 0 or more")


def _list(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, list):
        yield _not_a(value, "a list", "array")


def _schemas(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, list):
        yield _not_a(value, "a list of schemas", "array")
    elif not value:
        yield SchemaFault((), value, "a list of at least one schema")


def _map(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, dict):
        yield _not_a(value, "a mapping of names to schemas", "object")


def _names(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, list):
        yield _not_a(value, "a list of property names", "array")
        return
    wrong = [_at(place, _not_a(name, "a name", "string")) for place, name in enumerate(value) if not _is_text(name)]
    yield from wrong
    if not wrong and len(set(value)) < len(value):
        yield SchemaFault((), value, "a list in which no name occurs twice")


def _named_lists(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, dict):
        yield _not_a(value, "a mapping of names to lists of names", "object")
        return
    for name, names in value.items():
        yield from (_at(name, fault) for fault in _names(names))


def _dependencies(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, dict):
        yield _not_a(value, "a mapping of names to schemas or to lists of names", "object")
        return
    for name, inner in value.items():
        yield from (_at(name, fault) for fault in _names(inner) if isinstance(inner, list))


def _vocabulary(value: Any) -> Iterator[SchemaFault]:
    if not isinstance(value, dict):
        yield _not_a(value, "a mapping of addresses to true or false", "object")
        return
    for name, inner in value.items():
        yield from (_at(name, fault) for fault in _truth(inner))


def _types(value: Any) -> Iterator[SchemaFault]:
    names = value if isinstance(value, list) else [value]
    if any(name not in TYPES for name in names):
        should = f"one of {', '.join(TYPES)}, or a list of these"
        yield SchemaFault((), value, should, _said(value, "is not valid under any of the given schemas"))
    elif not names or len(set(names)) < len(names):
        yield SchemaFault((), value, "a list of at least one type, each once")


def _anchor(value: Any) -> Iterator[SchemaFault]:
    yield from (wrong := list(_text(value)))
    if not wrong and not _ANCHOR.search(value):
        yield SchemaFault(
            (), value, "a name of ASCII letters, digits, `-`, `.` and `_` that begins with a letter or `_`"
        )


def _identity(value: Any) -> Iterator[SchemaFault]:
    yield from (wrong := list(_text(value)))
    if not wrong and not _IDENTITY.search(value):
        yield SchemaFault((), value, "an address without a fragment (`#…`)")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _keywords() -> Iterator[tuple[str, Check]]:
    table: tuple[tuple[Check, tuple[str, ...]], ...] = (
        (_text, ("$schema", "$ref", "$dynamicRef", "$recursiveRef", "$comment", "title", "description", "pattern")),
        (_text, ("format", "contentEncoding", "contentMediaType")),
        (_truth, ("uniqueItems", "deprecated", "readOnly", "writeOnly")),
        (_number, ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")),
        (_above_zero, ("multipleOf",)),
        (_count, ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")),
        (_count, ("minContains", "maxContains")),
        (_list, ("enum", "examples")),
        (_schemas, ("prefixItems", "allOf", "anyOf", "oneOf")),
        (_map, ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")),
        (_names, ("required",)),
        (_named_lists, ("dependentRequired",)),
        (_dependencies, ("dependencies",)),
        (_vocabulary, ("$vocabulary",)),
        (_types, ("type",)),
        (_anchor, ("$anchor", "$dynamicAnchor", "$recursiveAnchor")),
        (_identity, ("$id",)),
    )
    return ((keyword, check) for check, keywords in table for keyword in keywords)


KEYWORDS: Mapping[str, Check] = MappingProxyType(dict(_keywords()))
