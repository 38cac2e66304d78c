"""Rules of `strict: true` about the schema as a whole: how much of everything (public docs, Structured outputs)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.functions.checks.subject import Subject, mapping, texts
from deployer.functions.finding import Finding
from deployer.functions.walk import Node

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
        says = subject.says(f"{count} parameters exceed the limit of {PROPERTIES}.")
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
