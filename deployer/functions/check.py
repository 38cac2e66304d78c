"""Check function definitions and response formats; everything that an API would reject, found without asking it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from deployer.functions.checks import always, hints, strict
from deployer.functions.checks.definition import definition, together
from deployer.functions.checks.examples import examples
from deployer.functions.checks.limits import limits
from deployer.functions.checks.size import misfit
from deployer.functions.checks.subject import Subject
from deployer.functions.finding import Finding
from deployer.functions.references import References
from deployer.functions.rules import RULES
from deployer.functions.walk import Node
from deployer.model import Severity

MOST_FINDINGS = 100
ALWAYS = (always.metaschema, always.array_items, always.reference)
STRICT = (strict.closed, strict.required, strict.keywords, strict.formats, strict.references)
HINTS = (hints.described, hints.prose, hints.foreign_keywords)
_NodeRule = Callable[[Subject, Node], Iterator[Finding]]


def check_function(function: Mapping[str, Any], surface: str) -> tuple[Finding, ...]:
    """Check one definition for a surface; pointers go into the definition. Examples are checked apart.

    The agents surface has no `strict`: it takes any object schema, so its functions are checked without.
    """
    label = f"function '{function.get('name')}'"
    is_strict = function.get("strict") is True and surface != "agents"
    schema = function.get("parameters")
    found = list(definition(function, surface))
    if schema is not None:
        found += _schema(schema, label, ("parameters",), surface, is_strict=is_strict)
    elif is_strict:
        found += strict.closed(_subject({"type": "object"}, label, ()), Node({"type": "object"}))
    return _bounded(found)


def check_response_format(
    schema: Mapping[str, Any],
    strict: bool,  # noqa: FBT001 (a field of the API, not a switch)
    surface: str,
    name: str = "",
) -> tuple[Finding, ...]:
    """Check the schema of a json_schema format; pointers go into the schema. `name` is for the API's wording."""
    return _bounded(_schema(schema, f"response_format '{name}'", (), surface, is_strict=strict))


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
    """Give what would keep a validator from working, or from ending."""
    yield from _everywhere((always.metaschema, always.reference), subject)
    yield from always.circles(subject)


def _schema(schema: Any, label: str, base: tuple[str, ...], surface: str, *, is_strict: bool) -> list[Finding]:
    subject = _subject(schema, label, base)
    wrong = misfit(schema)
    if wrong is not None:
        remedy = "make it smaller, and plain JSON; nothing else of it was checked"
        return [subject.at(wrong.rule, wrong.pointer, f"the schema cannot be checked: {wrong.what}", remedy)]
    return list(_findings(subject, surface, is_strict=is_strict))


def _subject(schema: Any, label: str, base: tuple[str, ...]) -> Subject:
    return Subject(schema, label, base, References(schema))


def _findings(subject: Subject, surface: str, *, is_strict: bool) -> Iterator[Finding]:
    yield from always.root(subject, surface)
    yield from _everywhere(ALWAYS, subject)
    yield from always.circles(subject)
    yield from always.patterns(subject)
    if is_strict:
        yield from _everywhere(STRICT, subject, only=dict)
        yield from _everywhere((strict.typed,), subject)
        yield from limits(subject)
    yield from _everywhere(HINTS, subject)


def _everywhere(rules: Sequence[_NodeRule], subject: Subject, only: type = object) -> Iterator[Finding]:
    for node in subject.references.nodes:
        if isinstance(node.schema, only):
            for rule in rules:
                yield from rule(subject, node)


def _bounded(found: list[Finding]) -> tuple[Finding, ...]:
    """Errors first when there are too many, so that no crowd of warnings hides one."""
    if len(found) <= MOST_FINDINGS:
        return tuple(found)
    kept = sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)[:MOST_FINDINGS]
    rule = RULES["crowd"]
    message = f"{len(found) - MOST_FINDINGS} more findings are not shown"
    return (*kept, Finding("crowd", (), message, "correct these first", rule.severity, rule.source))
