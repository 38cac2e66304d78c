"""Problems of a manifest or of functions: for people, and for what shows each on its line: SARIF, GitHub, JUnit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from deployer import __version__
from deployer.catalogue import RULES as MODEL_RULES
from deployer.functions.rules import RULES
from deployer.kinds.losses import RULE as SURFACE
from deployer.model import Problem, Severity
from deployer.render.data import dumped
from deployer.render.formats import Findings
from deployer.render.lines import plain
from deployer.render.output import Streams
from deployer.wording import counted

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_OTHER = "manifest"
_IN_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def text(value: Findings, to: Streams) -> None:
    """Write each problem on a line, to stderr, and their number, or that all is valid, to stdout."""
    for problem in value.problems:
        to.warn(plain(f"{problem}{_silenced_by(problem)}"))
        for line in _evidence(problem.rule) if value.evidence else ():
            to.warn(plain(f"    {line}"))
    to.say(_sum(value))


def _sum(value: Findings) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in value.problems)
    counts = [counted(errors, "error")] if errors else [f"valid: {value.checked}"]
    if warnings := len(value.problems) - errors:
        counts.append(counted(warnings, "warning"))
    return ", ".join(counts)


def _silenced_by(problem: Problem) -> str:
    """Return the rule of a hint, in brackets: what `silence:` and `--silence` take."""
    rule = RULES.get(problem.rule)
    return f" [{rule.id}]" if rule and rule.strictness == "hint" and problem.severity is Severity.WARNING else ""


def _message(problem: Problem) -> str:
    return f"{problem.message}; {problem.remedy}" if problem.remedy else problem.message


def _evidence(rule: str) -> list[str]:
    """Return why a rule is believed, a line for each answer, report or page."""
    return [str(one) for one in RULES[rule].evidence] if rule in RULES else []


def sarif(value: Findings, to: Streams) -> None:
    """Write SARIF 2.1.0, one run, for code scanning. Problems without a rule are the manifest's own."""
    sentences = {rule.id: rule.sentence for rule in RULES.values()} | dict(MODEL_RULES)
    found = value.problems
    used = list(dict.fromkeys(problem.rule or _OTHER for problem in found))
    driver = {
        "name": "deployer",
        "version": __version__,
        "rules": [
            {
                "id": rule,
                "shortDescription": {"text": sentences.get(rule, _otherwise(rule))},
                **({"help": {"text": "; ".join(_evidence(rule)) or "deployer"}} if value.evidence else {}),
            }
            for rule in used
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, used) for problem in found],
    }
    to.say(dumped({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}))


def _otherwise(rule: str) -> str:
    return "The account's API carries the field." if rule.startswith(SURFACE) else "The manifest is valid."


def _result(problem: Problem, rules: Sequence[str]) -> dict[str, Any]:
    rule = problem.rule or _OTHER
    location: dict[str, Any] = {}
    if problem.position:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(problem.position.file)},
            "region": {"startLine": problem.position.line, "startColumn": problem.position.column},
        }
    if problem.address:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.address}]
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": problem.severity.value,
        "message": {"text": _message(problem)},
        "locations": [location] if location else [],
    }


def github(value: Findings, to: Streams) -> None:
    """Write workflow commands, so that GitHub shows each problem beside its line; their number goes to stderr.

    The escapes are those of the runner: https://docs.github.com/actions, "Workflow commands for GitHub Actions".
    """
    for problem in value.problems:
        at = problem.position
        where = {"file": at.file, "line": at.line, "col": at.column} if at else {}
        named = {**where, "title": problem.rule or problem.address or _OTHER}
        properties = ",".join(f"{name}={_escaped(str(one), _IN_PROPERTY)}" for name, one in named.items())
        to.say(f"::{problem.severity} {properties}::{_escaped(_message(problem), _IN_MESSAGE)}")
    to.warn(_sum(value))


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(one, one) for one in plain(text))


def junit(value: Findings, to: Streams) -> None:
    """Write a JUnit test suite: an error is a failed case, a warning one with output; one case where all is well."""
    errors = sum(one.severity is Severity.ERROR for one in value.problems)
    suite = Element("testsuite", name="deployer", failures=str(errors), errors="0", skipped="0")
    for problem in value.problems:
        suite.append(_case(problem))
    if not value.problems:
        SubElement(suite, "testcase", classname="manifest", name=plain(value.checked))
    suite.set("tests", str(len(suite)))
    to.say('<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode"))


def _case(problem: Problem) -> Element:
    at = problem.position
    place = {"file": plain(at.file), "line": str(at.line)} if at else {}
    name = plain(f"{at or problem.address or _OTHER}")
    case = Element("testcase", {"classname": problem.rule or _OTHER, "name": name, **place})
    if problem.severity is Severity.ERROR:
        SubElement(case, "failure", type=problem.rule or _OTHER, message=plain(_message(problem))).text = plain(
            str(problem)
        )
    else:
        SubElement(case, "system-out").text = plain(str(problem))
    return case
