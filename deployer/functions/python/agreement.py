"""Whether a handler takes every call that its function definition admits.

The model produces the arguments and the handler consumes them: so what the schema admits must be a part of what the
handler takes. A schema may be narrower; what cannot be judged is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from deployer.functions.finding import Finding
from deployer.functions.python.admits import Comparison
from deployer.functions.python.branches import text
from deployer.model import Severity

SOURCE = "Python: calling the handler with the arguments by name"
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """A parameter of a handler; without a `schema` its type cannot be judged, with `...` its default is not known."""

    name: str
    schema: Schema | None
    required: bool
    default: Any = ...
    by_name: bool = True


@dataclass(frozen=True, slots=True)
class Handler:
    """What a handler takes; an `open` one takes other names too (`**kwargs`)."""

    parameters: tuple[Taken, ...]
    definitions: Schema = field(default_factory=dict)
    open: bool = False


def disagreements(definition: Mapping[str, Any], handler: Handler) -> tuple[Finding, ...]:
    """Compare names, required, types and defaults."""
    schema = definition.get("parameters")
    schema = schema if isinstance(schema, Mapping) else {"type": "object"}
    return (*_names(schema, handler), *_required(definition, schema, handler), *_each(schema, handler))


def _names(schema: Schema, handler: Handler) -> Iterator[Finding]:
    callable_ = [item.name for item in handler.parameters if item.by_name]
    for name in _properties(schema):
        if name in callable_ or handler.open:
            continue
        if name in (item.name for item in handler.parameters):
            message = f"the handler takes {name!r} only by position, but a call names it"
            yield _finding("handler-names", ("properties", name), message, "remove the / from its signature")
            continue
        near = get_close_matches(name, callable_, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "remove the property, or add the parameter"
        yield _finding("handler-names", ("properties", name), f"the handler has no parameter {name!r}", remedy)


def _required(definition: Schema, schema: Schema, handler: Handler) -> Iterator[Finding]:
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    for item in handler.parameters:
        declared = item.name in _properties(schema)
        if item.required and not declared:
            message = f"the handler needs {item.name!r}, which the schema does not declare"
            yield _finding("handler-required", ("properties",), message, "declare and require the property")
        elif item.required and item.name not in required:
            message = f"the handler needs {item.name!r}, which the schema lets a model leave out"
            remedy = "add it to required, or give the parameter a default"
            yield _finding("handler-required", ("properties", item.name), message, remedy)
        elif declared and not item.required and item.name in required and definition.get("strict") is not True:
            message = f"the schema requires {item.name!r}, for which the handler has a default"
            remedy = "take it out of required, or remove the default"
            yield _finding("handler-required", ("properties", item.name), message, remedy, Severity.WARNING)


def _each(schema: Schema, handler: Handler) -> Iterator[Finding]:
    comparison = Comparison(schema, {"$defs": handler.definitions})
    properties = _properties(schema)
    for item in handler.parameters:
        if item.name not in properties:
            continue
        place = ("properties", item.name)
        for path, message in comparison.misfits(properties[item.name], item.schema) if item.schema is not None else ():
            remedy = "change the schema or the annotation"
            yield _finding("handler-types", (*place, *path), message, remedy)
        yield from _default(place, properties[item.name], item.default)


def _default(place: tuple[str, ...], schema: Any, default: Any) -> Iterator[Finding]:
    """None in a handler often stands for a value that is worked out later: it contradicts nothing."""
    if not isinstance(schema, Mapping) or "default" not in schema or default is ... or default is None:
        return
    told, real = text(schema["default"]), text(default)
    if told != real:
        message = f"the schema tells a model the default {told}, but the handler's is {real}"
        yield _finding("handler-defaults", (*place, "default"), message, "make them the same")


def _properties(schema: Schema) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _finding(
    rule: str, place: tuple[str | int, ...], message: str, remedy: str, severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(rule, ("parameters", *place), message, remedy, severity, SOURCE)
