"""The schema that is checked, and the words in which the API would speak about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.functions.rules import RULES, Finding
from deployer.functions.tree import Node, Pointer, References
from deployer.wording import cut, listed

_OF_TYPE = {
    **dict.fromkeys(("items", "prefixItems", "contains"), "array"),
    **dict.fromkeys(("properties", "additionalProperties", "patternProperties", "propertyNames"), "object"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """`label` is how the API names it, `base` the way from what the caller holds to the schema's root.

    `surface` and `strict`: where it is sent, and whether with `strict: true`, and whether as a response format.
    """

    root: Any
    label: str
    base: Pointer
    references: References
    surface: str = "assistants"
    strict: bool = False
    is_format: bool = False

    def finding(self, rule: str, node: Node, message: str, remedy: str, says: str | None = None) -> Finding:
        """Report about a schema, or with `says` about a place below it; the severity is the rule's."""
        return self.at(rule, node.pointer, message, remedy, says)

    def at(self, rule: str, pointer: Pointer, message: str, remedy: str, says: str | None = None) -> Finding:
        severity = RULES[rule].severity_at(strict=self.strict)
        return Finding(rule, (*self.base, *pointer), message, remedy, severity, says)

    def says(self, text: str) -> str:
        return f"Invalid schema for {self.label}: {text}"

    def says_at(self, node: Node, text: str, branch: Pointer = ()) -> str:
        """Recorded: the place is a Python tuple of texts, list positions too."""
        return self.says(f"In {self.context(node, branch)}, {text}")

    def context(self, node: Node, branch: Pointer = ()) -> str:
        """Return the place as the API writes it: what stands below one type of a list of types names that type."""
        steps: list[Pointer] = [branch]
        here: Node | None = node
        while here is not None:
            name = _OF_TYPE.get(str(here.step[0])) if here.step else None
            within = branch_of(here.parent.schema, name) if here.parent is not None and name is not None else ()
            steps.append((*within, *here.step))
            here = here.parent
        return f"context={tuple(str(part) for step in reversed(steps) for part in step)!r}"


def branch_of(schema: dict[str, Any], name: str) -> Pointer:
    """Recorded: a type in a list of types is a place of its own, `('type', '0')`."""
    types = schema.get("type")
    return ("type", types.index(name)) if isinstance(types, list) and name in types else ()


def shown(value: Any, most: int = 60) -> str:
    """Write a value for a message, long ones cut."""
    return cut(repr(value), most)


def named(names: Sequence[str]) -> str:
    """Return names as `'a', 'b' and 3 more`."""
    return listed([repr(name) for name in names], 5)


def mapping(schema: Any, keyword: str) -> dict[str, Any]:
    """Return what stands under a keyword if it is a mapping; what is wrong is the metaschema's to report."""
    value = schema.get(keyword) if isinstance(schema, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> Iterator[str]:
    """Return the texts of a list; nothing where it is no list."""
    return (one for one in value if isinstance(one, str)) if isinstance(value, list) else iter(())
