"""A schema as a tree: every place where a schema stands, and where the local `$ref`s lead. Nothing is ever fetched.

The walk is iterative, so that no nesting is too deep for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

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
    """Return `start` and all schemas below it, in the order in which they are written."""
    stack = [start]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(children(node))))


def children(node: Node) -> Iterator[Node]:
    """Return the schemas directly inside; what is no schema at all (a number, say) is given too."""
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


class References:
    """The `$ref`s of one schema; each way is looked up once."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[str, Node | str] = {}

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All schemas, also those to which only a `$ref` leads (`#/components/…`)."""
        nodes = list(walk(Node(self._root)))
        seen = {id(node.schema) for node in nodes}
        for node in nodes:  # it grows while it is read: a target can have references of its own
            target = self.target(node)
            if isinstance(target, Node) and isinstance(target.schema, dict) and id(target.schema) not in seen:
                found = list(walk(target))
                seen.update(id(one.schema) for one in found)
                nodes.extend(found)
        return tuple(nodes)

    def target(self, node: Node) -> Node | str | None:
        """Return where the `$ref` of a node leads, or why it leads nowhere; None when the node has none."""
        ref = node.schema.get("$ref") if isinstance(node.schema, dict) else None
        if not isinstance(ref, str):
            return None
        if ref not in self._known:
            self._known[ref] = self._follow(ref)
        return self._known[ref]

    def _follow(self, ref: str) -> Node | str:
        own = self._root.get("$id") if isinstance(self._root, dict) else None
        fragment = ref.removeprefix(own) if isinstance(own, str) and own else ref
        if fragment in ("", "#"):
            return Node(self._root)
        if not fragment.startswith("#"):
            return "it leads out of the schema, and nothing is fetched"
        if not fragment.startswith("#/"):
            return self._anchors.get(fragment[1:], f"no schema has the $anchor {fragment[1:]!r}")
        return _pointed(self._root, [unquote(part) for part in fragment[2:].split("/")])

    @cached_property
    def _anchors(self) -> Mapping[str, Node]:
        named = [node for node in walk(Node(self._root)) if isinstance(node.schema, dict)]
        pairs = [(node.schema.get(word), node) for word in ("$anchor", "$dynamicAnchor") for node in named]
        return {name: Node(node.schema, None, node.pointer, 1) for name, node in pairs if isinstance(name, str)}

    @cached_property
    def endless(self) -> tuple[Node, ...]:
        """The schemas whose `$ref`s go in a circle without describing anything on the way."""
        left = _never_ending({id(node.schema): self._ways(node) for node in self.nodes})
        return tuple(node for node in self.nodes if id(node.schema) in left and self.target(node) is not None)

    def _ways(self, node: Node) -> list[int]:
        """Where the judgement of one value goes on: through `$ref` and the keywords that apply in place."""
        ways = [id(child.schema) for child in children(node) if child.step[0] in IN_PLACE]
        target = self.target(node)
        return [*ways, id(target.schema)] if isinstance(target, Node) else ways


def _pointed(root: Any, parts: Sequence[str]) -> Node | str:
    here: Any = root
    steps: list[str | int] = []
    for part in (part.replace("~1", "/").replace("~0", "~") for part in parts):
        if isinstance(here, dict) and part in here:
            steps.append(part)
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            steps.append(int(part))
        else:
            return f"there is no {part!r} on its way"
        here = here[steps[-1]]
    return Node(here, None, tuple(steps), 1)


def _never_ending(ways: Mapping[int, Sequence[int]]) -> set[int]:
    """Remove what leads nowhere, then what goes only there, and so on: what is left ends in a circle."""
    open_ways = {one: sum(way in ways for way in onward) for one, onward in ways.items()}
    back: dict[int, list[int]] = {}
    for one, way in _pairs(ways):
        back.setdefault(way, []).append(one)
    ended = [one for one, count in open_ways.items() if not count]
    while ended:
        for one in back.get(ended.pop(), ()):
            open_ways[one] -= 1
            if not open_ways[one]:
                ended.append(one)
    return {one for one, count in open_ways.items() if count}


def _pairs(ways: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    return ((one, way) for one, onward in ways.items() for way in onward)
