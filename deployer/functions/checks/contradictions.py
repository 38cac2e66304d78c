"""Schemas that contradict themselves: values that their own type excludes, bounds that leave nothing.

JSON Schema allows all of it. A strict schema with such an `enum` is refused; without `strict` the model is told to send
what cannot be valid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from deployer.functions.checks.dialects import TYPES
from deployer.functions.checks.subject import Subject, mapping, shown, texts
from deployer.functions.rules import Finding
from deployer.functions.tree import IN_PLACE, Node
from deployer.functions.values import identity, is_integer, type_of
from deployer.wording import listed

_PAIRS = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))
_LIMITS = frozenset(
    {*(word for pair in _PAIRS for word in pair), "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum"}
)
_SEPARATORS = (",", ";", " ", "|")


def values(subject: Subject, node: Node) -> Iterator[Finding]:
    """Compare `enum`, `const`, `default` and `examples` with the `type` beside them."""
    schema = node.schema
    if "type" not in schema or _VALUED.isdisjoint(schema):
        return
    types = _types(schema["type"])
    if types is None:
        return
    for keyword, given in _listed(schema):
        wrong = [value for value in given if not any(_is_of(value, name) for name in types)]
        if wrong:
            yield _of_another_type(subject, node, keyword, wrong)
    enum = schema.get("enum")
    if isinstance(enum, list) and enum and "null" in types and len(types) > 1 and None not in enum:
        message = "the type admits null, but the enum does not list it: null can never be sent"
        yield subject.at(
            "enum-null", (*node.pointer, "enum"), message, "add null to the enum, or take it from the type"
        )


_VALUED = frozenset({"enum", "const", "default", "examples"})


def _types(said: Any) -> list[str] | None:
    """Return the types that a schema names; None where one of them is not of JSON Schema, which is told apart."""
    names = said if isinstance(said, list) else [said]
    return names if names and all(isinstance(name, str) and name in TYPES for name in names) else None


def _listed(schema: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for keyword in ("enum", "examples"):
        if isinstance(schema.get(keyword), list):
            yield keyword, schema[keyword]
    for keyword in ("const", "default"):
        if keyword in schema:
            yield keyword, [schema[keyword]]


def _is_of(value: Any, name: str) -> bool:
    kind = type_of(value)
    return kind == name or (name == "integer" and kind == "number" and is_integer(value))


def _of_another_type(subject: Subject, node: Node, keyword: str, wrong: list[Any]) -> Finding:
    where, said = (*node.pointer, keyword), node.schema["type"]
    message = f"{_shown(wrong)} in `{keyword}`, but the type is {shown(said)}"
    if keyword in ("default", "examples"):
        return subject.at("default-type", where, message, "correct it, or the type")
    # Reported without "In" before the place, and with `anyof` in small letters.
    context = subject.context(node).replace("'anyOf'", "'anyof'")
    says = subject.says(f"{context}, enum value {wrong[0]} does not validate against {{'type': {said!r}}}.")
    remedy = "write values of that type, or name the type of the values"
    return subject.at("enum-type", where, message, remedy, says if keyword == "enum" else None)


def _shown(values: list[Any]) -> str:
    return listed([shown(value) for value in values], 5)


def emptiness(subject: Subject, node: Node) -> Iterator[Finding]:
    """Bounds between which nothing is left, and constants that the enum beside them does not list."""
    schema = node.schema
    if _LIMITS.isdisjoint(schema):
        return
    for least, most in _PAIRS:
        low, high = schema.get(least), schema.get(most)
        if _is_number(low) and _is_number(high) and low > high:
            yield _nothing(subject, node, least, f"`{least}` {low} is more than `{most}` {high}")
    yield from _interval(subject, node)
    enum = schema.get("enum")
    if enum == []:
        yield _nothing(subject, node, "enum", "the enum lists no value")
    elif isinstance(enum, list) and "const" in schema and identity(schema["const"]) not in map(identity, enum):
        yield _nothing(subject, node, "const", f"the const {shown(schema['const'])} is not in the enum")


def _interval(subject: Subject, node: Node) -> Iterator[Finding]:
    schema = node.schema
    lows = [(schema[word], word) for word in ("minimum", "exclusiveMinimum") if _is_number(schema.get(word))]
    highs = [(schema[word], word) for word in ("maximum", "exclusiveMaximum") if _is_number(schema.get(word))]
    if not lows or not highs:
        return
    (low, least), (high, most) = max(lows), min(highs, key=lambda pair: (pair[0], pair[1] == "maximum"))
    open_ends = [word for word in (least, most) if word.startswith("exclusive")]
    if low > high or (low == high and open_ends) or _no_integer(schema, low, high, open_ends):
        yield _nothing(subject, node, least, f"nothing is between `{least}` {low} and `{most}` {high}")


def _no_integer(schema: dict[str, Any], low: float, high: float, open_ends: list[str]) -> bool:
    if schema.get("type") != "integer":
        return False
    first = math.floor(low) + 1 if "exclusiveMinimum" in open_ends else math.ceil(low)
    last = math.ceil(high) - 1 if "exclusiveMaximum" in open_ends else math.floor(high)
    return first > last


def _nothing(subject: Subject, node: Node, keyword: str, why: str) -> Finding:
    remedy = "correct one of them: as it is, no value can be sent here"
    return subject.at("no-value", (*node.pointer, keyword), why, remedy)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def undeclared(subject: Subject, node: Node) -> Iterator[Finding]:
    """Names in `required` that are no property; where other schemas judge the same object, they may declare them."""
    schema = node.schema
    if "required" not in schema or subject.strict:  # `strict-required` says it there
        return
    properties = mapping(schema, "properties")
    elsewhere = IN_PLACE & schema.keys() or "$ref" in schema or (node.step[:1] and node.step[0] in IN_PLACE)
    if not properties or elsewhere or "patternProperties" in schema:
        return
    for name in texts(schema["required"]):
        if name not in properties:
            message = f"`required` names {shown(name)}, which is no property"
            remedy = _meant(name, properties) or "declare it under `properties`, or take it out"
            yield subject.at("required-undeclared", (*node.pointer, "required"), message, remedy)


def _meant(name: str, properties: dict[str, Any]) -> str | None:
    """Return a question after the names that stand in one text, or after the nearest one."""
    for separator in _SEPARATORS:
        parts = [part.strip() for part in name.split(separator) if part.strip()]
        if len(parts) > 1 and all(part in properties for part in parts):
            return f"did you mean {', '.join(map(repr, parts))}, each on its own?"
    near = get_close_matches(name, properties, n=1)
    return f"did you mean {near[0]!r}?" if near else None
