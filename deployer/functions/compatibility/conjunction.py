"""One schema that says what two say, where that can be written down without looking inside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.functions.values import written

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
        ours, theirs = group & one.keys(), group & other.keys()
        if ours and theirs and not ours == theirs == {"properties"} and _of(one, ours) != _of(other, theirs):
            raise Undecidable(f"combines schemas that both have {_first(ours)} or the like")


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
    ours, theirs = (type_names(side) for side in (one, other))
    found = [name for name in ours if name in theirs or (name == "integer" and "number" in theirs)]
    return found + [name for name in theirs if name == "integer" and "number" in ours and name not in found]
