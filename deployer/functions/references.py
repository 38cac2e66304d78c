"""Where the local `$ref`s of a schema lead; nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from deployer.functions.walk import IN_PLACE, Node, children, walk


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
        """Give where the `$ref` of a node leads, or why it leads nowhere; None when the node has none."""
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
    """Take away what goes nowhere, then what goes only there, and so on: what is left ends in a circle."""
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
