"""Every place in a schema where a schema stands: iterative, so that no nesting is too deep for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Pointer = tuple[str | int, ...]

# JSON Schema 2020-12, applicator and core vocabularies (`definitions` and `dependencies` as its metaschema keeps them)
ONE = (
    *("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
MANY = ("prefixItems", "allOf", "anyOf", "oneOf")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies")
SCHEMA_KEYWORDS = frozenset((*ONE, *MANY, *NAMED))
IN_PLACE = frozenset(("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"))
"""Keywords whose schemas judge the same value as the schema that they stand in."""
_DEFINITIONS = frozenset(("$defs", "definitions"))


@dataclass(frozen=True, slots=True)
class Node:
    """One schema inside another; `step` leads to it from `parent`, `level` is its nesting in the data it describes."""

    schema: Any
    parent: Node | None = None
    step: Pointer = ()
    level: int = 0

    @property
    def pointer(self) -> Pointer:
        """The whole way from the root; built on demand, since most places have nothing to report."""
        steps: list[Pointer] = []
        node: Node | None = self
        while node is not None:
            steps.append(node.step)
            node = node.parent
        return tuple(part for step in reversed(steps) for part in step)


def walk(start: Node) -> Iterator[Node]:
    """Give `start` and all schemas below it, in the order in which they are written."""
    stack = [start]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(children(node))))


def children(node: Node) -> Iterator[Node]:
    """Give the schemas directly inside; what is no schema at all (a number, say) is given too."""
    if not isinstance(node.schema, dict):
        return
    for keyword, value in node.schema.items():
        if keyword in SCHEMA_KEYWORDS:
            level = _level(node, keyword)
            for step, schema in _inside(keyword, value):
                yield Node(schema, node, step, level)


def _level(node: Node, keyword: str) -> int:
    if keyword in _DEFINITIONS:
        return 1
    return node.level if keyword in IN_PLACE else node.level + 1


def _inside(keyword: str, value: Any) -> Iterator[tuple[Pointer, Any]]:
    if keyword in ONE:
        yield (keyword,), value
    elif keyword in MANY and isinstance(value, list):
        yield from (((keyword, place), schema) for place, schema in enumerate(value))
    elif keyword in NAMED and isinstance(value, dict):
        listed = keyword == "dependencies"  # a dependency may also be a list of names, which is no schema
        yield from (((keyword, name), schema) for name, schema in value.items() if not (listed and _is_list(schema)))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
