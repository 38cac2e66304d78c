"""Rules for every schema, strict or not. Each takes one place of a subject and gives what is wrong there."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence

from deployer.functions.checks.dialects import correction, foreign, types
from deployer.functions.checks.subject import Subject, branch_of, mapping, shown
from deployer.functions.checks.validity import SchemaFault, faults
from deployer.functions.rules import SURFACES, Finding
from deployer.functions.tree import Node

MOST_PATTERN = 1000
MOST_PATTERNS = 50_000
MOST_GROUPS = 100
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|[()]", re.DOTALL)
_Z = re.compile(r"^(?:[^\\]|\\[^z])*+(?P<z>\\z)", re.DOTALL)  # Python 3.14 knows it, as `\Z`
_LOOKAROUND = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<token>\(\?<?[=!])", re.DOTALL)
_PYDANTIC_DECIMAL = "^(?!^[-+.]*$)"
_ZOD_EMAIL = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@"
_COMBINATORS = ("oneOf", "anyOf", "allOf", "enum", "const", "not")
_REMEDIES = {
    ("required", bool): "name it in the `required` list of the object that has the property",
    ("items", list): "write the schemas of the first items under `prefixItems`, and one schema for the rest here",
    ("exclusiveMinimum", bool): "write the bound itself here (draft 4 had true beside `minimum`)",
    ("exclusiveMaximum", bool): "write the bound itself here (draft 4 had true beside `maximum`)",
}


def metaschema(subject: Subject, node: Node) -> Iterator[Finding]:
    for fault in faults(node.schema):
        if fault.pointer[:1] == ("type",) and _vendor(fault) is not None:
            yield from _foreign(subject, node, fault)
        else:
            yield _invalid(subject, node, fault)


def _invalid(subject: Subject, node: Node, fault: SchemaFault) -> Finding:
    where = (*node.pointer, *fault.pointer)
    word = str(next((part for part in reversed(where) if isinstance(part, str)), "the schema"))
    remedy = _REMEDIES.get((word, type(fault.value)))
    if remedy is None:
        remedy = "leave it out, or write " if fault.value is None else "write "
        remedy += fault.should
    says = subject.says(fault.says) if fault.says else None
    message = f"{word!r} is {shown(fault.value)}, which is no JSON Schema: it must be {fault.should}"
    return subject.at("schema", where, message, remedy, says)


def _vendor(fault: SchemaFault) -> str | None:
    """Return the first type name that another dialect has, when all names are known at all."""
    names = fault.value if isinstance(fault.value, list) else [fault.value]
    return next((name for name in names if foreign(name)), None)


def _foreign(subject: Subject, node: Node, fault: SchemaFault) -> Iterator[Finding]:
    name = str(_vendor(fault))
    says = subject.says(fault.says) if fault.says else None
    message = f"{name!r} is not a type of JSON Schema"
    yield subject.at("type-name", (*node.pointer, "type"), message, correction(name), says)


def array_items(subject: Subject, node: Node) -> Iterator[Finding]:
    """Also recorded without `strict`; beside `prefixItems` too (AnswerDotAI/fastcore#798)."""
    if isinstance(node.schema, dict) and "array" in types(node.schema) and "items" not in node.schema:
        says = subject.says_at(node, "array schema missing items.", branch_of(node.schema, "array"))
        remedy = "say what the items are: `items: {type: string}`, for example"
        yield subject.finding("array-items", node, "an array without `items`", remedy, says)


def reference(subject: Subject, node: Node) -> Iterator[Finding]:
    why = subject.references.target(node)
    if isinstance(why, str):
        message = f"$ref {shown(node.schema['$ref'])} cannot be followed: {why}"
        remedy = "put the schema under `$defs` and point to it: `#/$defs/NAME`"
        yield subject.at("reference", (*node.pointer, "$ref"), message, remedy)


def circles(subject: Subject) -> Iterator[Finding]:
    for node in subject.references.endless:
        message = f"$ref {shown(node.schema['$ref'])} comes back to itself and describes nothing"
        remedy = "let one schema of the circle say a type or properties, instead of referring on"
        yield subject.at("reference-circle", (*node.pointer, "$ref"), message, remedy)


def patterns(subject: Subject) -> Iterator[Finding]:
    """Compile each pattern once and never run it; the work is bounded, since compiling takes time as well."""
    rest = MOST_PATTERNS
    for node, step, pattern in _patterns(subject.references.nodes):
        rest -= len(pattern)
        if len(pattern) > MOST_PATTERN or rest < 0:
            message = f"a pattern of {len(pattern)} characters, or too many patterns: not compiled"
            yield subject.at("pattern-length", (*node.pointer, *step), message, "make it shorter, or use `enum`")
        elif (why := _broken(pattern)) is not None:
            message = f"{shown(pattern)} is no regular expression for Python: {why}"
            # The recorded message shows the pattern with JSON's escapes.
            says = subject.says(f"'{json.dumps(pattern, ensure_ascii=False)[1:-1]}' is not a 'regex'.")
            remedy = "write it for Python's `re`, which knows no `\\p{…}`, for example"
            yield subject.at("pattern", (*node.pointer, *step), message, remedy, says)
        if (token := lookaround(pattern)) is not None:
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in (*node.pointer, *step))
            # Reported without the name of the function, unlike every other message.
            says = f"Invalid JSON schema: regex lookaround is not supported. Found at ${path}."
            message = f"{shown(pattern)} looks around with `{token}`"
            remedy = f"{instead_of_pattern(pattern)}; or say it in the description"
            yield subject.at("pattern-lookaround", (*node.pointer, *step), message, remedy, says)


def lookaround(pattern: str) -> str | None:
    """Return the first lookahead or lookbehind of a pattern, outside of escapes and classes; None without one."""
    return next((match["token"] for match in _LOOKAROUND.finditer(pattern) if match["token"]), None)


def instead_of_pattern(pattern: str) -> str:
    """Return what to write where a library made the pattern: Zod's e-mail addresses and pydantic's decimals."""
    form = format_of(pattern)
    if form is not None:
        return f"write `format: {form}` instead"
    return "write `type: number`, or the digits alone" if pattern.startswith(_PYDANTIC_DECIMAL) else "write it without"


def format_of(pattern: str) -> str | None:
    """Return the format that says the same as a pattern, where a library made the pattern."""
    return "email" if pattern.startswith(_ZOD_EMAIL) else None


def _patterns(nodes: Sequence[Node]) -> Iterator[tuple[Node, tuple[str, ...], str]]:
    for node in nodes:
        pattern = node.schema.get("pattern") if isinstance(node.schema, dict) else None
        if isinstance(pattern, str):
            yield node, ("pattern",), pattern
        yield from ((node, ("patternProperties", name), name) for name in mapping(node.schema, "patternProperties"))


def _broken(pattern: str) -> str | None:
    """Return the reason why Python cannot compile it, in the words of Python 3.11."""
    if (newer := _Z.search(pattern)) is not None:
        return f"bad escape \\z at position {newer.start('z')}"
    if _groups(pattern) > MOST_GROUPS:
        return "it is nested too deeply, or repeats too often"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        return str(error)
    except OverflowError:
        return "it is nested too deeply, or repeats too often"
    return None


def _groups(pattern: str) -> int:
    """How deep its groups nest."""
    depth = deepest = 0
    for piece in _PIECE.finditer(pattern):
        depth += (piece[0] == "(") - (piece[0] == ")")
        deepest = max(deepest, depth)
    return deepest


def root(subject: Subject) -> Iterator[Finding]:
    """The empty schema is accepted (recorded, Responses); a root `$ref` only by the SDK's helper for agents."""
    schema = subject.root
    if isinstance(schema, dict) and not schema:
        return
    followed = subject.references.target(Node(schema)) if SURFACES[subject.surface].root_reference else None
    target = followed.schema if isinstance(followed, Node) else schema
    used = [word for word in _COMBINATORS if isinstance(schema, dict) and word in schema]
    if used and (types(target) == ("object",) or _refused_in_formats(subject, used)):
        yield _combinators(subject, used)
    elif types(target) != ("object",):
        yield _root_type(subject, used)
    elif "properties" not in target:
        says = subject.says_at(Node(schema), "object schema missing properties.")
        message = "the root is an object without `properties`"
        yield subject.at("root-properties", (), message, "write `properties: {}` when there are no parameters", says)


def _root_type(subject: Subject, used: list[str]) -> Finding:
    """What stands at the root instead of a type is named here, so that one remedy mends both."""
    said = subject.root.get("type") if isinstance(subject.root, dict) else None
    got = '"None"' if said is None else json.dumps(said)
    says = subject.says(f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {got}'.")
    message = "the root has no type" if said is None else f"the root is of type {shown(said)}"
    message += f", but {', '.join(used)}" if used else ""
    pointer = () if said is None else ("type",)
    remedy = "write `type: object`, with the parameters as its properties"
    remedy += ", and move the choice into one of them" if used else ""
    return subject.at("root-type", pointer, message, remedy, says)


def _refused_in_formats(subject: Subject, used: list[str]) -> bool:
    """Reported of a strict response format with oneOf at its root: the keyword is refused before the type is missed."""
    return subject.is_format and subject.strict and used[0] in ("oneOf", "allOf", "not")


def _combinators(subject: Subject, used: list[str]) -> Finding:
    refused = f"In context=(), '{used[0]}' is not permitted."
    listed = "/".join(repr(word) for word in _COMBINATORS)
    text = f"schema must have type 'object' and not have {listed} at the top level."
    text = refused if _refused_in_formats(subject, used) else text
    remedy = "merge the branches into one object, or move the choice into a property"
    message = f"{', '.join(used)} at the top level"
    return subject.at("root-combinator", (used[0],), message, remedy, subject.says(text))
