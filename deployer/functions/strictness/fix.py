"""Make a function strict without changing what its schema means, or say why that cannot be done.

What stays the same: arguments that were valid before and have no undeclared property are valid after, once the optional
properties that they leave out are null. A function is made strict as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.functions.check import check_function
from deployer.functions.finding import Finding
from deployer.functions.strictness.completion import complete
from deployer.functions.strictness.fix_report import Note
from deployer.functions.strictness.fix_schema import Rewriting
from deployer.model import Severity

_SURFACE = "assistants"  # `strict` is a field there; agents have none
_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Fixed:
    """`function` is the given one where there are refusals; `notes` say what was changed, and where it now stands."""

    function: dict[str, Any]
    notes: tuple[Note, ...]
    refusals: tuple[Finding, ...]


def make_strict(function: Mapping[str, Any]) -> Fixed:
    """Give the function with `strict: true` and a schema in the strict subset; keys keep their order."""
    given, start = dict(function), _with_parameters(function)
    if broken := _errors({**start, "strict": False}):
        return Fixed(given, (), broken)
    rewriting = Rewriting(start["parameters"])
    parameters = rewriting.root()
    if rewriting.report.refusals:
        return Fixed(given, (), tuple(rewriting.report.refusals))
    result = {**start, "parameters": parameters, "strict": True}
    if isinstance(result.get("examples"), list):
        result["examples"] = [complete(parameters, example) for example in result["examples"]]
    if left := _errors(result):
        return Fixed(given, (), left)
    notes = [] if function.get("strict") is True else [Note(("strict",), "is true now")]
    return Fixed(result, (*notes, *rewriting.report.notes), ())


def _with_parameters(function: Mapping[str, Any]) -> dict[str, Any]:
    """A function without parameters has none to send: the API takes it so, and strict wants it said."""
    given = function.get("parameters")
    if given is None:
        given = _NO_ARGUMENTS
    elif isinstance(given, Mapping) and given.keys() <= {"type", "description", "title"}:
        given = {**given, "properties": {}}
    return {**function, "parameters": given}


def _errors(function: Mapping[str, Any]) -> tuple[Finding, ...]:
    return tuple(_only_errors(check_function(function, _SURFACE)))


def _only_errors(findings: Iterable[Finding]) -> Iterable[Finding]:
    return (finding for finding in findings if finding.severity is Severity.ERROR)
