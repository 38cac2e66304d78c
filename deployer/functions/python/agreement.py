"""Whether a handler takes every call that its function definition admits.

The model produces the arguments and the handler consumes them: so what the schema admits must be a part of what the
handler takes. A schema may be narrower; what cannot be judged is left alone.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from deployer.functions.rules import Finding
from deployer.model import Severity

_UNREAD = ("allOf", "not", "if", "$dynamicRef", "dependentSchemas")
_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_SHAPES = ("properties", "items", "required", "additionalProperties", "patternProperties", "prefixItems")
_MOST_HOPS = 20


@dataclass(frozen=True, slots=True)
class Branch:
    """One JSON type (`any`: all of them) with the schema that says more about it, or the only values."""

    type: str
    schema: Mapping[str, Any]
    values: tuple[Any, ...] | None = None


def branches(schema: Any, root: Mapping[str, Any]) -> list[Branch | None]:
    """Open unions, type lists and enumerations; None is a branch that is not understood. A union is opened once."""
    found: list[Branch | None] = []
    waiting, seen = deque([schema]), set[int]()
    while waiting:
        part = resolved(waiting.popleft(), root)
        if id(part) in seen and isinstance(part, Mapping):
            continue
        seen.add(id(part))
        union = _union(part)
        if union is None:
            found += _single(part)
        else:
            waiting += union
    return found


def _union(schema: Any) -> list[Any] | None:
    word = next((word for word in ("anyOf", "oneOf") if isinstance(schema, Mapping) and word in schema), None)
    if word is None or any(key in schema for key in ("type", "enum", "const", *_SHAPES, *_UNREAD)):
        return None
    return as_list(schema[word])


def _single(schema: Any) -> list[Branch | None]:
    if schema is True or schema == {}:
        return [Branch("any", {})]
    if not isinstance(schema, Mapping) or any(word in schema for word in (*_UNREAD, "anyOf", "oneOf")):
        return [None]
    if "enum" in schema or "const" in schema:
        return _enumerated(schema)
    if "type" not in schema:
        return [None] if any(word in schema for word in _SHAPES) else [Branch("any", {})]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return [Branch(kind, schema) if kind in _TYPES else None for kind in kinds]


def _enumerated(schema: Mapping[str, Any]) -> list[Branch | None]:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if not isinstance(values, list):
        return [None]
    kinds = dict.fromkeys(map(_type, values))
    return [Branch(kind, schema, tuple(value for value in values if _type(value) == kind)) for kind in kinds]


def resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    """Follow a local `$ref`; None where it leads nowhere, elsewhere or in a circle."""
    for _ in range(_MOST_HOPS):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        schema = _target(str(schema["$ref"]), root)
    return None


def _target(reference: str, root: Any) -> Any:
    if not reference.startswith("#"):
        return None
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        root = root.get(key) if isinstance(root, Mapping) else None
    return root


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    kinds = {float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def text(value: Any) -> str:
    """Return one text for each JSON value: 1.0 is 1, and the order of keys means nothing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=repr)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


Misfit = tuple[tuple[str | int, ...], str]
"""Where in the schema, and what is wrong there."""

_ALL: dict[str, tuple[Any, ...]] = {"null": (None,), "boolean": (True, False)}


class ArgumentComparison:
    """Compares parts of two documents; `$ref` is looked up in the document that it stands in."""

    def __init__(self, admitting: Mapping[str, Any], taking: Mapping[str, Any]) -> None:
        self._roots = (admitting, taking)
        self._known: dict[tuple[int, int], tuple[Misfit, ...]] = {}

    def misfits(self, admitted: Any, taken: Any) -> tuple[Misfit, ...]:
        """What `admitted` admits and `taken` does not; a pair that is being compared already counts as fitting."""
        if isinstance(taken, Mapping) and NOT_REQUIRED in taken:
            taken = {"anyOf": [{key: value for key, value in taken.items() if key != NOT_REQUIRED}, {"type": "null"}]}
        admitted, taken = resolved(admitted, self._roots[0]), resolved(taken, self._roots[1])
        key = (id(admitted), id(taken))
        if key not in self._known:
            self._known[key] = ()
            self._known[key] = tuple(self._compare(admitted, taken))
        return self._known[key]

    def _compare(self, admitted: Any, taken: Any) -> Iterator[Misfit]:
        admits, takes_all = branches(admitted, self._roots[0]), branches(taken, self._roots[1])
        if None in admits or None in takes_all:
            return
        takes = [branch for branch in takes_all if branch is not None]
        refused = []
        for branch in admits:
            candidates = [other for other in takes if branch is not None and _covers(other.type, branch.type)]
            if branch is not None and not candidates:
                refused.append(branch.type)
            elif branch is not None:
                yield from self._fit(branch, candidates)
        if refused:
            yield (), f"the schema admits {_or(refused)}, the handler takes {_or(branch.type for branch in takes)}"

    def _fit(self, branch: Branch, candidates: list[Branch]) -> Iterator[Misfit]:
        found = [tuple(self._inside(branch, other)) for other in candidates]
        if not all(found):
            return
        if len(found) == 1:
            yield from found[0]
        elif all(other.values is not None for other in candidates):
            yield from _values(branch, tuple(value for other in candidates for value in other.values or ()))
        else:
            yield (), f"the schema admits an {branch.type} that fits none of those which the handler takes"

    def _inside(self, branch: Branch, other: Branch) -> Iterator[Misfit]:
        if other.values is not None:
            yield from _values(branch, other.values)
        elif branch.values is None and branch.type == other.type == "array":
            yield from self._items(branch.schema, other.schema)
        elif branch.values is None and branch.type == other.type == "object":
            yield from self._fields(branch.schema, other.schema)

    def _items(self, admitted: Mapping[str, Any], taken: Mapping[str, Any]) -> Iterator[Misfit]:
        if "items" in admitted and "items" in taken and "prefixItems" not in admitted:
            yield from _under("items", self.misfits(admitted["items"], taken["items"]))

    def _fields(self, admitted: Mapping[str, Any], taken: Mapping[str, Any]) -> Iterator[Misfit]:
        declared, known = _mapping(admitted.get("properties")), _mapping(taken.get("properties"))
        rest = taken.get("additionalProperties", True)
        for name, schema in declared.items():
            if name in known or isinstance(rest, Mapping):
                found = self.misfits(schema, known.get(name, rest))
                yield from _under("properties", _under(name, found))
            elif rest is False:
                yield ("properties", name), f"the handler takes no {name!r} here"
        if isinstance(rest, Mapping) and isinstance(admitted.get("additionalProperties"), Mapping):
            yield from _under("additionalProperties", self.misfits(admitted["additionalProperties"], rest))
        for name in taken.get("required", ()) if declared else ():
            if name not in as_list(admitted.get("required")):
                yield (), f"the handler needs {name!r} here, which the schema does not require"


def _under(key: str, found: tuple[Misfit, ...] | Iterator[Misfit]) -> Iterator[Misfit]:
    return (((key, *path), message) for path, message in found)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _values(branch: Branch, taken: tuple[Any, ...]) -> Iterator[Misfit]:
    known = [text(value) for value in taken]
    values = _ALL.get(branch.type) if branch.values is None else branch.values
    if values is None:
        yield (), f"the schema admits every {branch.type}, the handler takes only {', '.join(known)}"
    elif strange := [value for value in map(text, values) if value not in known]:
        yield ("enum",), f"the schema admits {', '.join(strange)}, the handler takes only {', '.join(known)}"


def _covers(taken: str, admitted: str) -> bool:
    return taken in ("any", admitted) or (taken, admitted) == ("number", "integer")


def _or(types: Iterable[str]) -> str:
    distinct = [*dict.fromkeys("anything" if kind == "any" else kind for kind in types)]
    return " or ".join(distinct) or "nothing"


Schema = Mapping[str, Any]
NOT_REQUIRED = "x-not-required"
"""Marks a key that a TypedDict may lack, until the schema is told: in a strict schema null stands for it."""
CONTEXT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "agents": frozenset({"RunContextWrapper", "ToolContext"}),
        "autogen_core": frozenset({"CancellationToken"}),
        "fastmcp": frozenset({"Context"}),
        "google": frozenset({"ToolContext", "CallbackContext"}),
        "langchain": frozenset({"ToolRuntime", "InjectedState", "InjectedStore"}),
        "langchain_core": frozenset({"InjectedToolArg", "InjectedToolCallId", "RunnableConfig"}),
        "langgraph": frozenset({"InjectedState", "InjectedStore", "Runtime", "ToolRuntime"}),
        "llama_index": frozenset({"Context"}),
        "mcp": frozenset({"Context"}),
        "pydantic_ai": frozenset({"RunContext"}),
        "semantic_kernel": frozenset({"Kernel", "KernelArguments"}),
    }
)
"""By package: types that an agent SDK gives a function itself; a model never sends them."""


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


def is_context(name: str) -> bool:
    """Whether a dotted name is a type that an SDK gives by itself: `agents.RunContextWrapper`."""
    return name.rpartition(".")[2] in CONTEXT.get(name.partition(".")[0], ())


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
    comparison = ArgumentComparison(schema, {"$defs": handler.definitions})
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
    return Finding(rule, ("parameters", *place), message, remedy, severity)
