"""Rules of `strict: true`, one place at a time: the subset of JSON Schema that Structured Outputs supports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.functions.checks.dialects import types
from deployer.functions.checks.subject import Subject, branch_of, mapping, named, shown, texts
from deployer.functions.rules import Finding
from deployer.functions.tree import Node

# public docs, guide "Structured outputs": supported properties of strings; unsupported keywords
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
FORBIDDEN = (
    *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
    *("uniqueItems", "contains", "minContains", "maxContains", "propertyNames", "minProperties", "maxProperties"),
)
UNPROVEN = (
    *("patternProperties", "unevaluatedProperties", "unevaluatedItems", "prefixItems", "dependencies", "contentSchema"),
)
_WORDS = frozenset((*FORBIDDEN, *UNPROVEN, "default"))
_PART_OF = {"then": "if", "else": "if", "minContains": "contains", "maxContains": "contains"}
"""Keywords that say nothing without another one: with it, that one is reported."""
_SAYS_TYPE = frozenset({"type", "anyOf", "$ref", "oneOf", "allOf"})
_TYPED = (("properties",), ("items",), ("anyOf",), ("$defs",), ("definitions",))


def closed(subject: Subject, node: Node) -> Iterator[Finding]:
    if "object" not in types(node.schema) or node.schema.get("additionalProperties") is False:
        return
    text = "'additionalProperties' is required to be supplied and to be false."
    says = subject.says_at(node, text, branch_of(node.schema, "object"))
    present = "additionalProperties" in node.schema
    message = "an object that takes undeclared properties" if present else "an object without `additionalProperties`"
    where = (*node.pointer, "additionalProperties") if present else node.pointer
    yield subject.at("strict-additional-properties", where, message, "write `additionalProperties: false`", says)


def required(subject: Subject, node: Node) -> Iterator[Finding]:
    names, properties = node.schema.get("required", []), mapping(node.schema, "properties")
    if "object" not in types(node.schema) or not isinstance(names, list):
        return
    stated = set(texts(names))
    missing = [name for name in properties if name not in stated]
    extra = [name for name in texts(names) if name not in properties]
    where = (*node.pointer, "required") if "required" in node.schema else node.pointer
    if missing:
        says = _required(subject, node, f"Missing '{missing[0]}'.")
        message = f"`required` lacks {named(missing)}"
        remedy = "list every property; an optional one also takes null: `type: [string, 'null']`"
        yield subject.at("strict-required", where, message, remedy, says)
    if extra:
        says = _required(subject, node, f"Extra required key '{extra[0]}' supplied.")
        message = f"`required` names {named(extra)}, and `properties` does not"
        yield subject.at("strict-required", where, message, "declare it under `properties`, or take it out", says)


def _required(subject: Subject, node: Node, end: str) -> str:
    text = f"'required' is required to be supplied and to be an array including every key in properties. {end}"
    return subject.says_at(node, text, branch_of(node.schema, "object"))


def keywords(subject: Subject, node: Node) -> Iterator[Finding]:
    for word in node.schema if not _WORDS.isdisjoint(node.schema) else ():
        if (
            word not in _WORDS
            or _PART_OF.get(word) in node.schema
            or (word in ("oneOf", "allOf", "not") and node.parent is None)
        ):
            continue  # at the root `root-combinator` says it
        rule, message = _rule_of(word)
        says = subject.says_at(node, f"'{word}' is not permitted.")
        yield subject.at(rule, (*node.pointer, word), message, _instead_of(word, node.schema[word]), says)


def _rule_of(word: str) -> tuple[str, str]:
    if word in UNPROVEN:
        return "strict-keyword-unproven", f"`{word}` is not in the strict subset; that it is refused is not proven"
    return "strict-default" if word == "default" else "strict-keyword", f"`{word}` is not in the strict subset"


def _instead_of(word: str, value: Any) -> str:
    if word == "oneOf":
        return "write `anyOf`"
    if word == "allOf":
        single = isinstance(value, list) and len(value) == 1
        return "write its one schema here instead" if single else "write what its schemas say as one schema here"
    if word == "default":
        return "say it in the description"
    return "leave it out and say it in the description, or leave `strict` out"


def formats(subject: Subject, node: Node) -> Iterator[Finding]:
    form = node.schema.get("format")
    if isinstance(form, str) and form not in FORMATS:
        says = subject.says_at(node, f"'{form}' is not a valid format.")
        remedy = f"use one of {', '.join(FORMATS)}, or say it in the description"
        yield subject.at(
            "strict-format", (*node.pointer, "format"), f"format {shown(form)} is not supported", remedy, says
        )


def typed(subject: Subject, node: Node) -> Iterator[Finding]:
    """At the root `root-type` says it; below a keyword that is refused anyway, and beside one, it would add nothing."""
    schema = node.schema
    if node.step[:1] not in _TYPED or (isinstance(schema, dict) and _SAYS_TYPE & schema.keys()):
        return
    fixed = isinstance(schema, dict) and bool({"enum", "const"} & schema.keys())
    remedy = "write the `type` of the values" if fixed else "write its `type`, or list the possible ones in `anyOf`"
    says = subject.says_at(node, "schema must have a 'type' key.")
    yield subject.finding(
        "strict-type", node, f"a schema without `type`, `anyOf` or `$ref`: {shown(schema)}", remedy, says
    )


def references(subject: Subject, node: Node) -> Iterator[Finding]:
    ref = node.schema.get("$ref")
    target = subject.references.target(node)
    if not isinstance(target, Node):
        return
    where = (*node.pointer, "$ref")
    steps = target.pointer
    if steps and not (len(steps) == 2 and steps[0] in ("$defs", "definitions")):
        text = "reference can only point to definitions defined at the top level of the schema."
        remedy = "move its target to a place of its own under the root's `$defs`"
        message = f"$ref {shown(ref)} leads into the middle of the schema"
        yield subject.at("strict-reference", where, message, remedy, subject.says_at(node, text))
    beside = sorted(set(node.schema) - {"$ref"} - (set() if node.pointer else {"$defs", "definitions", "$schema"}))
    if beside:
        # Reported without "In" before the place, unlike every other message.
        words = ", ".join(repr(word) for word in beside)
        says = subject.says_at(node, f"$ref cannot have keywords {{{words}}}.").replace(": In context", ": context", 1)
        remedy = "move them to the target, or wrap the reference: `anyOf: [{$ref: …}]`"
        yield subject.at("strict-reference-alone", where, f"a $ref with {named(beside)} beside it", remedy, says)


PROPERTIES, LEVELS, CHARACTERS, ENUM_VALUES = 5000, 10, 120_000, 1000
LONG_ENUM, LONG_ENUM_CHARACTERS = 250, 15_000


def limits(subject: Subject) -> Iterator[Finding]:
    nodes = [node for node in subject.references.nodes if isinstance(node.schema, dict)]
    yield from _properties(subject, nodes)
    yield from _levels(subject)
    yield from _characters(subject, nodes)
    yield from _enum_values(subject, nodes)
    for node in nodes:
        yield from _long_enum(subject, node)


def _properties(subject: Subject, nodes: list[Node]) -> Iterator[Finding]:
    count = sum(len(mapping(node.schema, "properties")) for node in nodes)
    if count > PROPERTIES:
        says = subject.says(f"{count} parameters exceeds limit of {PROPERTIES}.")
        yield _too_much(subject, "strict-properties", f"{count} properties; at most {PROPERTIES} are taken", says)


def _levels(subject: Subject) -> Iterator[Finding]:
    """As the SDK for Java counts: the root is level 0, a `$ref` adds nothing; branches of `anyOf` share a level."""
    deepest = max(subject.references.nodes, key=lambda node: node.level)
    if deepest.level > LEVELS:
        says = subject.says(f"{deepest.level} levels of nesting exceeds limit of {LEVELS}.")
        message = f"{deepest.level} levels of nesting; at most {LEVELS} are taken"
        yield subject.finding("strict-depth", deepest, message, "flatten the schema, or use several functions", says)


def _characters(subject: Subject, nodes: list[Node]) -> Iterator[Finding]:
    count = sum(len(text) for node in nodes for text in _counted(node.schema))
    if count > CHARACTERS:
        message = f"names, enum and const values take {count} characters; at most {CHARACTERS} are taken"
        yield _too_much(subject, "strict-strings", message)


def _counted(schema: dict[str, Any]) -> Iterator[str]:
    yield from mapping(schema, "properties")
    yield from mapping(schema, "$defs")
    yield from mapping(schema, "definitions")
    yield from texts(schema.get("enum"))
    yield from texts([schema.get("const")])


def _enum_values(subject: Subject, nodes: list[Node]) -> Iterator[Finding]:
    enums = (node.schema.get("enum") for node in nodes)
    count = sum(len(values) for values in enums if isinstance(values, list))
    if count > ENUM_VALUES:
        says = subject.says(
            f"Expected at most {ENUM_VALUES} enum values in total within a single schema when using structured "
            f"outputs, but received {count}. Consider reducing the number of enums, or use 'strict: false' to opt "
            "out of structured outputs."
        )
        yield _too_much(subject, "strict-enum-count", f"{count} enum values; at most {ENUM_VALUES} are taken", says)


def _long_enum(subject: Subject, node: Node) -> Iterator[Finding]:
    values = list(texts(node.schema.get("enum")))
    count = sum(map(len, values))
    if len(values) > LONG_ENUM and count > LONG_ENUM_CHARACTERS:
        message = f"an enum of {len(values)} texts with {count} characters; at most {LONG_ENUM_CHARACTERS} are taken"
        remedy = f"shorten the values, or keep to {LONG_ENUM} of them"
        yield subject.at("strict-enum-size", (*node.pointer, "enum"), message, remedy)


def _too_much(subject: Subject, rule: str, message: str, says: str | None = None) -> Finding:
    return subject.at(rule, (), message, "divide it among several functions, or leave `strict` out", says)
