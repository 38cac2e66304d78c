"""Rules of `strict: true`, one place at a time: the subset of JSON Schema that Structured Outputs supports."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.functions.checks.dialects import types
from deployer.functions.checks.subject import Subject, branch_of, listed, mapping, shown, texts
from deployer.functions.finding import Finding
from deployer.functions.walk import Node

# public docs, guide "Structured outputs": supported properties of strings; unsupported keywords
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
FORBIDDEN = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas")
UNPROVEN = (
    *("patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "uniqueItems", "contains"),
    *("minContains", "maxContains", "prefixItems", "minProperties", "maxProperties", "dependencies", "contentSchema"),
)
_TYPED = (("properties",), ("items",), ("anyOf",), ("$defs",), ("definitions",))


def closed(subject: Subject, node: Node) -> Iterator[Finding]:
    if "object" not in types(node.schema) or node.schema.get("additionalProperties") is False:
        return
    text = "'additionalProperties' is required to be supplied and to be false."
    says = subject.says_at(node, text, branch_of(node.schema, "object"))
    present = "additionalProperties" in node.schema
    message = "an object that takes undeclared properties" if present else "an object without `additionalProperties`"
    where = (*node.pointer, "additionalProperties") if present else node.pointer
    yield subject.at("strict-additional-properties", where, message, "write `additionalProperties: false`", says)


def required(subject: Subject, node: Node) -> Iterator[Finding]:
    names, properties = node.schema.get("required", []), mapping(node.schema, "properties")
    if "object" not in types(node.schema) or not isinstance(names, list):
        return
    stated = set(texts(names))
    missing = [name for name in properties if name not in stated]
    extra = [name for name in texts(names) if name not in properties]
    where = (*node.pointer, "required") if "required" in node.schema else node.pointer
    if missing:
        says = _required(subject, node, f"Missing '{missing[0]}'.")
        message = f"`required` lacks {listed(missing)}"
        remedy = "list every property; an optional one also takes null: `type: [string, 'null']`"
        yield subject.at("strict-required", where, message, remedy, says)
    if extra:
        says = _required(subject, node, f"Extra required key '{extra[0]}' supplied.")
        message = f"`required` names {listed(extra)}, and `properties` does not"
        yield subject.at("strict-required", where, message, "declare it under `properties`, or take it out", says)


def _required(subject: Subject, node: Node, end: str) -> str:
    text = f"'required' is required to be supplied and to be an array including every key in properties. {end}"
    return subject.says_at(node, text, branch_of(node.schema, "object"))


def keywords(subject: Subject, node: Node) -> Iterator[Finding]:
    for word in node.schema:
        rule = _rule_of(word)
        if rule is not None and not (word in ("oneOf", "allOf", "not") and not node.pointer):
            says = subject.says_at(node, f"'{word}' is not permitted.")
            message = f"`{word}` is not in the strict subset"
            yield subject.at(rule, (*node.pointer, word), message, _instead_of(word), says)


def _rule_of(word: str) -> str | None:
    if word in FORBIDDEN:
        return "strict-keyword"
    if word in UNPROVEN:
        return "strict-keyword-unproven"
    return "strict-default" if word == "default" else None


def _instead_of(word: str) -> str:
    if word == "oneOf":
        return "write `anyOf`"
    if word == "default":
        return "say it in the description"
    return "leave it out and say it in the description, or leave `strict` out"


def formats(subject: Subject, node: Node) -> Iterator[Finding]:
    form = node.schema.get("format")
    if isinstance(form, str) and form not in FORMATS:
        says = subject.says_at(node, f"'{form}' is not a valid format.")
        remedy = f"use one of {', '.join(FORMATS)}, or say it in the description"
        yield subject.at(
            "strict-format", (*node.pointer, "format"), f"format {shown(form)} is not supported", remedy, says
        )


def typed(subject: Subject, node: Node) -> Iterator[Finding]:
    """At the root `root-type` says it; below a keyword that is refused anyway, nobody needs to."""
    schema = node.schema
    if node.step[:1] not in _TYPED or (isinstance(schema, dict) and {"type", "anyOf", "$ref"} & schema.keys()):
        return
    fixed = isinstance(schema, dict) and bool({"enum", "const"} & schema.keys())
    rule = "strict-type-unproven" if fixed else "strict-type"
    remedy = "write the `type` of the values" if fixed else "write its `type`, or list the possible ones in `anyOf`"
    says = subject.says_at(node, "schema must have a 'type' key.")
    yield subject.finding(rule, node, f"a schema without `type`, `anyOf` or `$ref`: {shown(schema)}", remedy, says)


def references(subject: Subject, node: Node) -> Iterator[Finding]:
    ref = node.schema.get("$ref")
    target = subject.references.target(node)
    if not isinstance(target, Node):
        return
    where = (*node.pointer, "$ref")
    steps = target.pointer
    if steps and not (len(steps) == 2 and steps[0] in ("$defs", "definitions")):
        text = "reference can only point to definitions defined at the top level of the schema."
        remedy = "move its target to a place of its own under the root's `$defs`"
        message = f"$ref {shown(ref)} leads into the middle of the schema"
        yield subject.at("strict-reference", where, message, remedy, subject.says_at(node, text))
    beside = sorted(set(node.schema) - {"$ref"} - (set() if node.pointer else {"$defs", "definitions", "$schema"}))
    if beside:
        # Reported without "In" before the place, unlike every other message.
        words = ", ".join(repr(word) for word in beside)
        says = subject.says_at(node, f"$ref cannot have keywords {{{words}}}.").replace(": In context", ": context", 1)
        remedy = "move them to the target, or wrap the reference: `anyOf: [{$ref: …}]`"
        yield subject.at("strict-reference-alone", where, f"a $ref with {listed(beside)} beside it", remedy, says)
