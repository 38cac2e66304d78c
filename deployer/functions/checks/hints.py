"""What helps a model to call a function well; warnings, never errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deployer.functions.checks.subject import Subject, named
from deployer.functions.rules import Finding
from deployer.functions.tree import Node

MOST_PROSE = 2000
_CHOICE = re.compile(
    r"\b(?:one of|either|(?:possible|allowed|valid|accepted|supported) (?:values|options)|options)\b"
    r"(?![^'\"`.\n]*\b(?:like|such as|e\.g|for example|including)\b)[^'\"`.()\n]{0,40}:?\s*(?:[-*]\s*)?",
    re.IGNORECASE,
)
_VALUE = re.compile(r"(?<!\w)'([\w .+/:-]{1,40})'(?!\w)|\"([\w .+/:-]{1,40})\"|`([\w .+/:-]{1,40})`")
# a gloss in brackets or behind a colon; then a comma and the like, or the next item of a Markdown list
_NEXT = re.compile(
    r"(?:\s*\([^()\n]*\))?(?:\s*(?:,|;|/|\|)?\s*\b(?:or|and)\b\s*|\s*[,;/|]\s*|(?:\s*[:\u2013\u2014-][^\n]*)?\s*\n\s*[-*]\s*)",
    re.IGNORECASE,
)
_OPEN_END = re.compile(r"(?:\s*\([^()\n]*\))?\s*(?:,|;)?\s*(?:\b(?:or|and)\b|\.\.\.|…|\betc\b)", re.IGNORECASE)


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
    values = list(dict.fromkeys(listed_values(text[:MOST_PROSE])))
    if len(values) > 1:
        message = f"the description lists the values ({named(values)}), and nothing holds the model to them"
        yield subject.finding("enum-in-prose", node, message, "write them as `enum: […]`")


def listed_values(text: str) -> list[str]:
    """Return the quoted values of the first list of all choices; none where the list goes on with something else."""
    for choice in _CHOICE.finditer(text):
        values, place = list[str](), choice.end()
        while (value := _VALUE.match(text, place)) is not None:
            values.append(next(filter(None, value.groups())))
            place = value.end()
            following = _NEXT.match(text, place)
            if following is None or _VALUE.match(text, following.end()) is None:
                break
            place = following.end()
        if values and _OPEN_END.match(text, place) is None:
            return values
    return []
