"""Check function definitions and response formats; everything that an API would reject, found without asking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from deployer.functions.checks import always, hints, strict
from deployer.functions.checks.definition import definition, together
from deployer.functions.checks.examples import examples
from deployer.functions.checks.size import misfit
from deployer.functions.checks.subject import Subject
from deployer.functions.rules import RULES, SURFACES, Finding
from deployer.functions.tree import Node, References
from deployer.model import Severity

MOST_FINDINGS = 100
NodeCheck = Callable[[Subject, Node], Iterator[Finding]]
SubjectCheck = Callable[[Subject], Iterator[Finding]]
_Check = TypeVar("_Check")


def _of_mappings(check: NodeCheck) -> NodeCheck:
    return lambda subject, node: check(subject, node) if isinstance(node.schema, dict) else iter(())


# What is run, with the rules that it reports: a check runs where one of its rules applies
WHOLE: tuple[tuple[SubjectCheck, tuple[str, ...]], ...] = (
    (always.root, ("root-type", "root-properties", "root-combinator")),
    (always.circles, ("reference-circle",)),
    (always.patterns, ("pattern", "pattern-length")),
    (
        strict.limits,
        ("strict-properties", "strict-depth", "strict-strings", "strict-enum-count", "strict-enum-size"),
    ),
)
VALID: tuple[tuple[NodeCheck, tuple[str, ...]], ...] = (
    (always.metaschema, ("schema", "type-name")),
    (always.array_items, ("array-items",)),
    (always.reference, ("reference",)),
)
STRICT: tuple[tuple[NodeCheck, tuple[str, ...]], ...] = (
    (_of_mappings(strict.closed), ("strict-additional-properties",)),
    (_of_mappings(strict.required), ("strict-required",)),
    (_of_mappings(strict.keywords), ("strict-keyword", "strict-keyword-unproven", "strict-default")),
    (_of_mappings(strict.formats), ("strict-format",)),
    (_of_mappings(strict.references), ("strict-reference", "strict-reference-alone")),
    (strict.typed, ("strict-type", "strict-type-unproven")),
)
HINTS: tuple[tuple[NodeCheck, tuple[str, ...]], ...] = (
    (hints.described, ("parameter-description",)),
    (hints.prose, ("enum-in-prose",)),
    (hints.foreign_keywords, ("foreign-keyword",)),
)


def check_function(function: Mapping[str, Any], surface: str) -> tuple[Finding, ...]:
    """Check one definition for a surface; pointers go into the definition. Examples are checked apart.

    A surface whose functions have no `strict` takes any object schema, so they are checked without.
    """
    label = f"function '{function.get('name')}'"
    is_strict = function.get("strict") is True and SURFACES[surface].strict
    found = list(_applying(definition(function, surface), surface, is_strict=is_strict))
    if function.get("parameters") is not None:
        found += _schema(_subject(function["parameters"], label, ("parameters",), surface), is_strict=is_strict)
    elif is_strict:  # recorded
        found += strict.closed(_subject({"type": "object"}, label, (), surface), Node({"type": "object"}))
    return _bounded(found)


def check_response_format(
    schema: Mapping[str, Any],
    strict: bool,  # noqa: FBT001 (a field of the API, not a switch)
    surface: str,
    name: str = "",
) -> tuple[Finding, ...]:
    """Check the schema of a json_schema format; pointers go into the schema. `name` is for the API's wording."""
    return _bounded(_schema(_subject(schema, f"response_format '{name}'", (), surface), is_strict=strict))


def check_functions(functions: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Check the functions of one assistant against each other; pointers begin with the place in the list."""
    return tuple(together(functions))


def check_examples(function: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Check the `examples` of a definition against its parameters, unless these have errors of their own.

    No `pattern` is run: a hostile one would never end.
    """
    subject = _subject(function.get("parameters"), "", ())
    if subject.root is not None and (misfit(subject.root) is not None or any(_unusable(subject))):
        return ()
    return _bounded(list(examples(subject.root, function.get("examples"))))


def _unusable(subject: Subject) -> Iterator[Finding]:
    """Return what would keep a validator from working, or from ending."""
    yield from _everywhere((always.metaschema, always.reference), subject)
    yield from always.circles(subject)


def _schema(subject: Subject, *, is_strict: bool) -> list[Finding]:
    wrong = misfit(subject.root)
    if wrong is not None:
        remedy = "make it smaller, and plain JSON; nothing else of it was checked"
        return [subject.at(wrong.rule, wrong.pointer, f"the schema cannot be checked: {wrong.what}", remedy)]
    return list(_applying(_findings(subject, is_strict=is_strict), subject.surface, is_strict=is_strict))


def _subject(schema: Any, label: str, base: tuple[str, ...], surface: str = "assistants") -> Subject:
    return Subject(schema, label, base, References(schema), surface)


def _findings(subject: Subject, *, is_strict: bool) -> Iterator[Finding]:
    for whole in _running(WHOLE, subject.surface, is_strict):
        yield from whole(subject)
    for table in (VALID, STRICT, HINTS):  # in this order: where there are too many findings, the first ones are shown
        yield from _everywhere(_running(table, subject.surface, is_strict), subject)


@cache
def _running(table: tuple[tuple[_Check, tuple[str, ...]], ...], surface: str, is_strict: bool) -> tuple[_Check, ...]:  # noqa: FBT001 (a key of the cache)
    return tuple(
        check for check, rules in table if any(RULES[rule].applies(surface, strict=is_strict) for rule in rules)
    )


def _applying(findings: Iterable[Finding], surface: str, *, is_strict: bool) -> Iterator[Finding]:
    return (finding for finding in findings if RULES[finding.rule].applies(surface, strict=is_strict))


def _everywhere(checks: Sequence[NodeCheck], subject: Subject) -> Iterator[Finding]:
    for node in subject.references.nodes:
        for check in checks:
            yield from check(subject, node)


def _bounded(found: list[Finding]) -> tuple[Finding, ...]:
    """Errors first when there are too many, so that no crowd of warnings hides one."""
    if len(found) <= MOST_FINDINGS:
        return tuple(found)
    kept = sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)[:MOST_FINDINGS]
    rule = RULES["crowd"]
    message = f"{len(found) - MOST_FINDINGS} more findings are not shown"
    return (*kept, Finding("crowd", (), message, "correct these first", rule.severity, rule.source))
