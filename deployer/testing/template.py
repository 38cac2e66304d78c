"""A value of a file with its place, and Nunjucks templates in it: `{{name}}`, as Promptfoo fills them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from deployer.manifest.document import SourceDocument
from deployer.manifest.suggest import nearest
from deployer.model import Position, Problem
from deployer.wording import cut


@dataclass(frozen=True, slots=True)
class PlacedValue:
    """A value of a file, and where it stands: in `document` at `path`."""

    document: SourceDocument
    path: tuple[str | int, ...]
    value: Any

    @property
    def position(self) -> Position:
        return self.document.position(self.path)

    def key(self, name: str) -> Position:
        return self.document.key_position((*self.path, name))

    def at(self, step: str | int) -> PlacedValue:
        return PlacedValue(self.document, (*self.path, step), self.value[step])

    def get(self, name: str) -> PlacedValue | None:
        """Return what stands at a key of a mapping; None where nothing does."""
        there = isinstance(self.value, dict) and self.value.get(name) is not None
        return self.at(name) if there else None

    def items(self) -> list[PlacedValue]:
        return [self.at(index) for index in range(len(self.value))] if isinstance(self.value, list) else []

    def with_value(self, value: Any) -> PlacedValue:
        return replace(self, value=value)


class Flawed(Exception):  # noqa: N818 (why a test cannot be run)
    """Something of a test is not supported, or does not exist; the test is an error."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def flawed(node: PlacedValue, what: str, remedy: str = "") -> NoReturn:
    raise Flawed(Problem(what, remedy, node.document.address(node.path), node.position))


def shown(value: Any) -> str:
    """Return a value as it stands in a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_TEMPLATE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_REFERENCE = re.compile(r"[^\W\d][\w-]*(?:\.[\w-]+|\[\s*(?:\d+|'[^']*'|\"[^\"]*\")\s*\])*")
_STEP = re.compile(r"\.([\w-]+)|\[\s*(\d+|'[^']*'|\"[^\"]*\")\s*\]")
_FILTERS: Mapping[str, Callable[[Any], Any]] = {
    "dump": lambda value: json.dumps(value, ensure_ascii=False),
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    "safe": lambda value: value,
    "string": shown,
    "trim": lambda value: shown(value).strip(),
    "upper": lambda value: shown(value).upper(),
    "lower": lambda value: shown(value).lower(),
    "capitalize": lambda value: shown(value).capitalize(),
    "length": len,
}
"""Filters of Nunjucks that are supported."""


def filled(node: PlacedValue, value: Any, names: Mapping[str, Any]) -> Any:
    """Return a value with `{{name}}` replaced at any depth; one template alone takes the value itself."""
    if isinstance(value, dict):
        return {key: filled(node, one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(node, one, names) for one in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    text = _COMMENT.sub("", value)
    if "{%" in text:
        flawed(node, "a {% … %} of a template is not supported", "write what it makes")
    whole = _TEMPLATE.fullmatch(text.strip())
    if whole and "}}" not in whole[1]:
        return _looked_up(node, whole[1], names)
    return _TEMPLATE.sub(lambda found: shown(_looked_up(node, found[1], names)), text)


def _looked_up(node: PlacedValue, expression: str, names: Mapping[str, Any]) -> Any:
    reference, *filters = (part.strip() for part in expression.split("|"))
    if len(reference) > 1 and reference[0] == reference[-1] and reference[0] in "'\"":
        value: Any = reference[1:-1]
    elif not _REFERENCE.fullmatch(reference):
        flawed(node, f"the template {{{{{cut(expression, 60)}}}}} is not supported", "write {{name}} or {{name.field}}")
    else:
        value = _value(node, reference, names)
    for name in filters:
        if name not in _FILTERS:
            flawed(node, f"the filter {name!r} of a template is not supported", f"use {', '.join(_FILTERS)}")
        value = _FILTERS[name](value)
    return value


def _value(node: PlacedValue, reference: str, names: Mapping[str, Any]) -> Any:
    first = re.match(r"[\w-]+", reference)
    name = first[0] if first else reference
    if name not in names:
        flawed(node, f"{{{{{reference}}}}} has no value", nearest(name, list(names), f"add {name} to vars"))
    value = names[name]
    for dotted, index in _STEP.findall(reference[len(name) :]):
        step: Any = dotted or (int(index) if index.isdecimal() else index[1:-1])
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            flawed(node, f"{{{{{reference}}}}} has no value", f"add it to vars.{name}")
    return value
