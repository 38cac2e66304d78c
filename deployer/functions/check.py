"""Check function definitions and response formats; everything that an API would reject, found without asking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from deployer.functions.checks import always, contradictions, hints, keywords, strict
from deployer.functions.checks.definition import definition, format_name, together, unknown_key
from deployer.functions.checks.examples import examples
from deployer.functions.checks.size import misfit
from deployer.functions.checks.subject import Subject
from deployer.functions.rules import RULES, SURFACES, Finding
from deployer.functions.tree import Node, References
from deployer.model import Severity

__all__ = [
    "check_examples",
    "check_format_name",
    "check_function",
    "check_functions",
    "check_response_format",
    "check_unset_strict",
    "unknown_key",
]

MOST_FINDINGS = 100


class _Row(NamedTuple):
    """A check, and the rules that it reports: it runs where one of them applies. Most look at mappings only."""

    check: Callable[[Subject, Node], Iterator[Finding]]
    rules: tuple[str, ...]
    mappings: bool = True


WHOLE: tuple[tuple[Callable[[Subject], Iterator[Finding]], tuple[str, ...]], ...] = (
    (always.root, ("root-type", "root-properties", "root-combinator")),
    (always.circles, ("reference-circle",)),
    (always.patterns, ("pattern", "pattern-lookaround", "pattern-length")),
    (
        strict.limits,
        ("strict-properties", "strict-depth", "strict-strings", "strict-enum-count", "strict-enum-size"),
    ),
)
VALID = (
    _Row(always.metaschema, ("schema", "type-name"), mappings=False),
    _Row(always.array_items, ("array-items",)),
    _Row(always.reference, ("reference",)),
    _Row(contradictions.values, ("enum-type", "enum-null", "default-type")),
    _Row(contradictions.emptiness, ("no-value",)),
    _Row(contradictions.undeclared, ("required-undeclared",)),
)
_USABLE = tuple(row for row in VALID if row.check in (always.metaschema, always.reference))
STRICT = (
    _Row(strict.closed, ("strict-additional-properties",)),
    _Row(strict.required, ("strict-required",)),
    _Row(strict.keywords, ("strict-keyword", "strict-keyword-unproven", "strict-default")),
    _Row(strict.formats, ("strict-format",)),
    _Row(strict.references, ("strict-reference", "strict-reference-alone")),
    _Row(strict.typed, ("strict-type",), mappings=False),
)
HINTS = (
    _Row(hints.described, ("parameter-description",)),
    _Row(hints.prose, ("enum-in-prose",)),
    _Row(keywords.unknown, ("foreign-keyword", "unknown-keyword")),
)


def check_function(function: Mapping[str, Any], surface: str) -> tuple[Finding, ...]:
    """Check one definition for a surface; pointers go into the definition. Examples are checked apart.

    A surface whose functions have no `strict` takes any object schema, so they are checked without.
    """
    label = f"function '{function.get('name')}'"
    is_strict = function.get("strict") is True and SURFACES[surface].strict
    found = list(_applying(definition(function, surface), surface, is_strict=is_strict))
    if function.get("parameters") is not None:
        found += _schema(_subject(function["parameters"], label, ("parameters",), surface, strict=is_strict))
    elif is_strict:  # recorded
        bare = {"type": "object"}
        found += strict.closed(_subject(bare, label, (), surface, strict=True), Node(bare))
    return _bounded(found)


def check_response_format(
    schema: Mapping[str, Any],
    strict: bool,  # noqa: FBT001 (a field of the API, not a switch)
    surface: str,
    name: str = "",
) -> tuple[Finding, ...]:
    """Check the schema of a json_schema format; pointers go into the schema. `name` is for the API's wording."""
    subject = _subject(schema, f"response_format '{name}'", (), surface, strict=strict)
    return _bounded(_schema(replace(subject, is_format=True)))


def check_format_name(name: Any, surface: str) -> tuple[Finding, ...]:
    """Check the name of a json_schema format; pointers go into what has the name."""
    return tuple(_applying(format_name(name, surface), surface, is_strict=False))


def check_unset_strict(function: Mapping[str, Any], surface: str) -> tuple[Finding, ...]:
    """Whether a function that is sent without `strict` would be refused as the strict one that it is tried as."""
    rule = RULES["strict-unset"]
    if not rule.applies(surface, strict=False) or "strict" in function:
        return ()
    tried = check_function({**function, "strict": True}, surface)
    failing = [one for one in tried if one.severity is Severity.ERROR and RULES[one.rule].strictness == "strict"]
    if not failing:
        return ()
    where = "/".join(map(str, failing[0].pointer))
    message = f"`strict` is not set, and as a strict function it does not pass: {where}: {failing[0].message}"
    remedy = "write `strict: false`, or make it strict: deployer functions fix"
    return (Finding(rule.id, (), message, remedy, rule.severity),)


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
    yield from _everywhere(_USABLE, subject)
    yield from always.circles(subject)


def _schema(subject: Subject) -> list[Finding]:
    wrong = misfit(subject.root)
    if wrong is not None:
        remedy = "make it smaller, and plain JSON; nothing else of it was checked"
        return [subject.at(wrong.rule, wrong.pointer, f"the schema cannot be checked: {wrong.what}", remedy)]
    return list(_applying(_findings(subject), subject.surface, is_strict=subject.strict))


def _subject(
    schema: Any, label: str, base: tuple[str, ...], surface: str = "assistants", *, strict: bool = False
) -> Subject:
    return Subject(schema, label, base, References(schema), surface, strict)


def _findings(subject: Subject) -> Iterator[Finding]:
    for check, rules in WHOLE:
        if _applies(rules, subject.surface, subject.strict):
            yield from check(subject)
    for table in (VALID, STRICT, HINTS):  # in this order: where there are too many findings, the first ones are shown
        yield from _everywhere(table, subject)


def _everywhere(table: tuple[_Row, ...], subject: Subject) -> Iterator[Finding]:
    running = [row for row in table if _applies(row.rules, subject.surface, subject.strict)]
    on_mappings, on_others = [row.check for row in running], [row.check for row in running if not row.mappings]
    for node in subject.references.nodes if running else ():
        for check in on_mappings if isinstance(node.schema, dict) else on_others:
            yield from check(subject, node)


@cache
def _applies(rules: tuple[str, ...], surface: str, is_strict: bool) -> bool:  # noqa: FBT001 (a key of the cache)
    return any(RULES[rule].applies(surface, strict=is_strict) for rule in rules)


def _applying(findings: Iterable[Finding], surface: str, *, is_strict: bool) -> Iterator[Finding]:
    return (finding for finding in findings if RULES[finding.rule].applies(surface, strict=is_strict))


def _bounded(found: list[Finding]) -> tuple[Finding, ...]:
    """Errors first when there are too many, so that no crowd of warnings hides one."""
    if len(found) <= MOST_FINDINGS:
        return tuple(found)
    kept = sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)[:MOST_FINDINGS]
    rule = RULES["crowd"]
    message = f"{len(found) - MOST_FINDINGS} more findings are not shown"
    return (*kept, Finding("crowd", (), message, "correct these first", rule.severity))
