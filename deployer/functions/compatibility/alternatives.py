"""Take a schema apart into shapes: each of one JSON type, without `$ref`, `anyOf`, `oneOf` and `allOf`.

What cannot be taken apart exactly is `Undecidable`. `not` and `if` are kept as they are, as keywords of every shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.functions.compatibility.conjunction import Undecidable, is_annotation, merge, type_names
from deployer.functions.compatibility.difference import Pointer
from deployer.functions.references import References
from deployer.functions.values import identity, is_integer, type_of, written
from deployer.functions.walk import Node

STRING = ("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType", "contentSchema")
NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format")
ARRAY = ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "unevaluatedItems", "additionalItems")
CONTAINS = ("contains", "minContains", "maxContains")
OBJECT = ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties")
RARE = ("propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties")
KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "null": (),
    "boolean": (),
    "number": NUMBER,
    "string": STRING,
    "array": (*ARRAY, *CONTAINS),
    "object": (*OBJECT, *RARE),
}
MOST_HOPS = 50
MOST_BRANCHES = 200  # each is compared with each
COMBINED = ("$ref", "anyOf", "oneOf", "allOf")
_OF_A_TYPE = frozenset(keyword for group in KEYWORDS.values() for keyword in group)
_NO_ASSERTION = frozenset({*COMBINED, "type", "enum", "const", "$defs", "definitions"})
_FEW: Mapping[str, tuple[Any, ...]] = {"boolean": (False, True), "null": (None,)}


@dataclass(frozen=True, slots=True)
class Shape:
    """`type` is number for integers too; `values` are all that are possible, None where they are not listed."""

    type: str
    integer: bool
    keywords: Mapping[str, Any]
    values: tuple[Any, ...] | None
    pointer: Pointer


class Reader:
    """Reads the schemas of one document; `exact` also refuses a `oneOf` whose branches may overlap."""

    def __init__(self, root: Any, spend: Callable[[], None], *, exact: bool) -> None:
        self._references, self._spend, self._exact = References(root), spend, exact

    def shapes(self, schema: Any, pointer: Pointer) -> list[Shape]:
        """All shapes of a schema; none for `false`. Undecidable where that would not be the same schema."""
        return list(self._open(schema, pointer, ()))

    def _open(self, schema: Any, pointer: Pointer, seen: tuple[str, ...]) -> Iterator[Shape]:
        self._spend()
        if isinstance(schema, bool):
            schema = {} if schema else {"enum": []}
        if not isinstance(schema, Mapping):
            raise Undecidable("is not a schema")
        if "$dynamicRef" in schema or "$recursiveRef" in schema:
            raise Undecidable("refers to what only a validator can find")
        if "$ref" in schema or "allOf" in schema:
            refs = set(seen)
            joined: Mapping[str, Any] = {}
            for part in self._parts(schema, seen, refs):
                joined = merge(joined, part)
            yield from self._open(joined, pointer, tuple(refs))
            return
        choices = [key for key in ("anyOf", "oneOf") if key in schema]
        if len(choices) > 1:
            raise Undecidable("combines anyOf with oneOf")
        yield from self._branches(schema, choices[0], pointer, seen) if choices else _split(schema, pointer)

    def _parts(self, schema: Any, seen: tuple[str, ...], refs: set[str]) -> Iterator[Any]:
        """What `$ref` and `allOf` put together; `refs` collects what was followed."""
        self._spend()
        if not isinstance(schema, Mapping):
            yield schema
            return
        yield {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        for part in _branches_of(schema, "allOf"):
            yield from self._parts(part, seen, refs)
        if "$ref" in schema:
            ref, target = schema["$ref"], self._references.target(Node(schema))
            if len(seen) >= MOST_HOPS:
                raise Undecidable("is reached only through too many references")
            if ref in seen or not isinstance(target, Node):
                raise Undecidable(f"refers to {written(ref)}, which leads nowhere")
            refs.add(ref)
            yield from self._parts(target.schema, (*seen, ref), refs)

    def _branches(
        self, schema: Mapping[str, Any], key: str, pointer: Pointer, seen: tuple[str, ...]
    ) -> Iterator[Shape]:
        rest = {name: value for name, value in schema.items() if name != key}
        opened = [
            list(self._open(merge(rest, branch), (*pointer, key, index), seen))
            for index, branch in enumerate(_branches_of(schema, key))
        ]
        if key == "oneOf" and self._exact and not (len(opened) <= MOST_BRANCHES and apart(opened)):
            raise Undecidable("has a oneOf whose branches may overlap")
        for shapes in opened:
            yield from shapes


def _branches_of(schema: Mapping[str, Any], key: str) -> list[Any]:
    branches = schema.get(key, [])
    if not isinstance(branches, list):
        raise Undecidable(f"has an {key} that is no list")
    return branches


def _split(schema: Mapping[str, Any], pointer: Pointer) -> Iterator[Shape]:
    names = type_names(schema["type"]) if "type" in schema else None
    values = _values(schema)
    for kind in KEYWORDS:
        integer = names is not None and kind == "number" and "number" not in names
        if names is None or kind in names or (kind == "number" and "integer" in names):
            keywords = _keywords(schema, kind, untyped=names is None)
            listed = _FEW.get(kind) if values is None else _of_type(values, kind, integer=integer)
            if listed != ():
                yield Shape(kind, integer, keywords, listed, pointer)


def _keywords(schema: Mapping[str, Any], kind: str, *, untyped: bool) -> dict[str, Any]:
    others = _OF_A_TYPE - {*KEYWORDS[kind]} | _NO_ASSERTION
    kept = {key: value for key, value in schema.items() if key not in others and not is_annotation(key)}
    if kept.pop("unevaluatedProperties", False) is not False or kept.keys() & {"unevaluatedItems", "additionalItems"}:
        raise Undecidable("says what is unevaluated")
    if "unevaluatedProperties" in schema and kind == "object":
        kept.setdefault("additionalProperties", False)
    if untyped and kind == "object" and not kept.keys() & {*OBJECT, *RARE}:
        kept["additionalProperties"] = True  # "anything" is open; only what says `object` or `properties` is closed
    return kept


def _values(schema: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if "enum" not in schema:
        return (schema["const"],) if "const" in schema else None
    if not isinstance(schema["enum"], list):
        raise Undecidable("has an enum that is no list")
    values = tuple(schema["enum"])
    only = identity(schema["const"]) if "const" in schema else None
    return values if only is None else tuple(value for value in values if identity(value) == only)


def _of_type(values: tuple[Any, ...], kind: str, *, integer: bool) -> tuple[Any, ...]:
    found = tuple(value for value in values if type_of(value) == kind)
    return tuple(value for value in found if is_integer(value)) if integer else found


def apart(branches: Sequence[Sequence[Shape]]) -> bool:
    """Whether no value can match two of the branches, as far as types, listed values and required constants tell."""
    return all(
        _disjoint(one, other)
        for index, first in enumerate(branches)
        for second in branches[index + 1 :]
        for one in first
        for other in second
    )


def _disjoint(one: Shape, other: Shape) -> bool:
    if one.type != other.type:
        return True
    if one.values is not None and other.values is not None:
        return not {identity(value) for value in one.values} & {identity(value) for value in other.values}
    return one.type == "object" and _discriminated(one.keywords, other.keywords)


def _discriminated(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """A property that both require has different constants."""
    shared = [name for name in one.get("required", ()) if name in other.get("required", ())]
    for name in shared:
        listed = [_listed(side.get("properties", {}).get(name)) for side in (one, other)]
        if listed[0] is not None and listed[1] is not None and not listed[0] & listed[1]:
            return True
    return False


def _listed(schema: Any) -> set[str] | None:
    values = _values(schema) if isinstance(schema, Mapping) and not schema.keys() & {*COMBINED} else None
    return None if values is None else {identity(value) for value in values}
