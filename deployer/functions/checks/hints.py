"""What helps a model to call a function well; warnings, never errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deployer.functions.checks.subject import Subject, named
from deployer.functions.rules import Finding
from deployer.functions.tree import Node

MOST_PROSE = 2000
_CHOICE = re.compile(
    r"\b(?:one of|either|(?:possible|allowed|valid|accepted) (?:values|options)|options)\b", re.IGNORECASE
)
_QUOTED = re.compile(r"'([\w .-]{1,40})'|\"([\w .-]{1,40})\"|`([\w .-]{1,40})`")


def described(subject: Subject, node: Node) -> Iterator[Finding]:
    """A parameter that refers to a described definition is described."""
    if node.step[:1] != ("properties",) or not isinstance(node.schema, dict):
        return
    target = subject.references.target(node)
    said = node.schema.get("description") or (isinstance(target, Node) and _has_description(target))
    if not said:
        message = f"the parameter {node.step[1]!r} has no description"
        yield subject.finding(
            "parameter-description", node, message, "say in a sentence what the model shall put there"
        )


def _has_description(node: Node) -> bool:
    return isinstance(node.schema, dict) and bool(node.schema.get("description"))


def prose(subject: Subject, node: Node) -> Iterator[Finding]:
    text = node.schema.get("description") if isinstance(node.schema, dict) else None
    if (
        not isinstance(text, str)
        or node.schema.get("type") != "string"
        or {"enum", "const", "pattern"} & node.schema.keys()
    ):
        return
    text = text[:MOST_PROSE]
    choice = _CHOICE.search(text)
    found = _QUOTED.findall(text, choice.end()) if choice else []
    values = list(dict.fromkeys(next(filter(None, quoted)) for quoted in found))
    if len(values) > 1:
        message = f"the description lists the values ({named(values)}), and nothing holds the model to them"
        yield subject.finding("enum-in-prose", node, message, "write them as `enum: […]`")
