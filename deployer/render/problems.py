"""Problems of a manifest or of functions: for people, and as SARIF, so that code scanning shows each on its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from deployer import __version__
from deployer.functions.rules import RULES
from deployer.model import Problem, Severity
from deployer.render.data import dumped
from deployer.render.formats import Findings
from deployer.render.lines import plain
from deployer.render.output import Streams
from deployer.wording import counted

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_OTHER = "manifest"


def text(value: Findings, to: Streams) -> None:
    """Write each problem on a line, to stderr, and their number, or that all is valid, to stdout."""
    for problem in value.problems:
        to.warn(plain(str(problem)))
        for line in _evidence(problem.rule) if value.evidence else ():
            to.warn(plain(f"    {line}"))
    errors = sum(problem.severity is Severity.ERROR for problem in value.problems)
    counts = [counted(errors, "error")] if errors else [f"valid: {value.checked}"]
    if warnings := len(value.problems) - errors:
        counts.append(counted(warnings, "warning"))
    to.say(", ".join(counts))


def _evidence(rule: str) -> list[str]:
    """Return why a rule is believed, a line for each answer, report or page."""
    return [str(one) for one in RULES[rule].evidence] if rule in RULES else []


def sarif(value: Findings, to: Streams) -> None:
    """Write SARIF 2.1.0, one run, for code scanning. Problems without a rule are the manifest's own."""
    sentences = {rule.id: rule.sentence for rule in RULES.values()}
    found = value.problems
    used = list(dict.fromkeys(problem.rule or _OTHER for problem in found))
    driver = {
        "name": "deployer",
        "version": __version__,
        "rules": [
            {
                "id": rule,
                "shortDescription": {"text": sentences.get(rule, "The manifest is valid.")},
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


def _result(problem: Problem, rules: Sequence[str]) -> dict[str, Any]:
    rule = problem.rule or _OTHER
    text = f"{problem.message}; {problem.remedy}" if problem.remedy else problem.message
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
        "message": {"text": text},
        "locations": [location] if location else [],
    }
