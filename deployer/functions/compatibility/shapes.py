"""A schema taken apart into shapes: each of one JSON type, without `$ref`, `anyOf`, `oneOf` and `allOf`.

What cannot be taken apart exactly is `Undecidable`. `not` and `if` are kept as they are, as keywords of every shape.
`merge` writes down in one schema what two say, where that is possible without looking inside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.functions.compatibility.difference import Pointer
from deployer.functions.tree import Node, References
from deployer.functions.values import identity, is_integer, type_of, written

ANNOTATIONS = frozenset(
    {
        *("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly"),
        *("$comment", "$schema", "$id", "$anchor"),
    }
)
# keywords that JSON Schema reads together with their neighbours: moving one to other neighbours changes its meaning
_TOGETHER = (
    frozenset({"properties", "patternProperties", "additionalProperties", "unevaluatedProperties"}),
    frozenset({"items", "prefixItems", "additionalItems", "unevaluatedItems"}),
    frozenset({"contains", "minContains", "maxContains"}),
    frozenset({"if", "then", "else"}),
)
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_LOWER = frozenset({"minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"})
_UPPER = frozenset({"maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"})


def is_annotation(key: str) -> bool:
    """Whether a keyword only tells something to people and models."""
    return key in ANNOTATIONS or key.startswith("x-")


class Undecidable(Exception):  # noqa: N818 (an answer, not an error)
    """Why nothing sure can be said; the sentence goes on after the name of a schema."""


def merge(one: Mapping[str, Any], other: Any) -> dict[str, Any]:
    """A schema that admits what both admit, with the annotations of the first; Undecidable where none is at hand."""
    if other is True or one is other:
        return dict(one)
    if not isinstance(other, Mapping):
        raise Undecidable("combines schemas that are no mappings")
    facts = {key: value for key, value in other.items() if not is_annotation(key)}
    _check_neighbours(one, facts)
    result = dict(one)
    for key, value in facts.items():
        result[key] = _both(key, result[key], value) if key in result else value
    return result


def _check_neighbours(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    for group in _TOGETHER:
        mine, other_keys = group & one.keys(), group & other.keys()
        if (
            mine
            and other_keys
            and not mine == other_keys == {"properties"}
            and _of(one, mine) != _of(other, other_keys)
        ):
            raise Undecidable(f"combines schemas that both have {_first(mine)} or the like")


def _of(schema: Mapping[str, Any], keys: frozenset[str]) -> str:
    return written({key: schema[key] for key in sorted(keys)})


def _first(keys: frozenset[str]) -> str:
    return min(keys)


def _both(key: str, one: Any, other: Any) -> Any:
    if written(one) == written(other):
        return one
    if key in ("$defs", "definitions"):
        return one  # a `$ref` is looked up in the document, never in what was merged
    if key in _LOWER | _UPPER and isinstance(one, int | float) and isinstance(other, int | float):
        return max(one, other) if key in _LOWER else min(one, other)
    if key == "required" and isinstance(one, list) and isinstance(other, list):
        return [*one, *(name for name in other if name not in one)]
    if key == "properties" and _no_shared_names(one, other):
        return {**one, **other}
    if key == "type":
        return _types(one, other)
    raise Undecidable(f"combines schemas that say different things about {key}")


def _no_shared_names(one: Any, other: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(other, Mapping) and not one.keys() & other.keys()


def type_names(said: Any) -> list[str]:
    """The value of `type` as a list; Undecidable if JSON Schema does not know it."""
    names = [said] if isinstance(said, str) else said
    if not isinstance(names, list) or any(name not in _TYPES for name in names):
        raise Undecidable(f"has the type {written(said)}, which JSON Schema does not know")
    return names


def _types(one: Any, other: Any) -> list[str]:
    first, second = (type_names(side) for side in (one, other))
    found = [name for name in first if name in second or (name == "integer" and "number" in second)]
    return found + [name for name in second if name == "integer" and "number" in first and name not in found]


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
