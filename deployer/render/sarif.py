"""Problems as SARIF 2.1.0, so that code scanning shows each on its line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from deployer import __version__
from deployer.model import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_OTHER = "manifest"


def problems(found: Sequence[Problem], sentences: Mapping[str, str]) -> str:
    """Give one run; `sentences` says for each rule what it asks. Problems without a rule are the manifest's own."""
    used = list(dict.fromkeys(problem.rule or _OTHER for problem in found))
    driver = {
        "name": "deployer",
        "version": __version__,
        "rules": [
            {"id": rule, "shortDescription": {"text": sentences.get(rule, "The manifest is valid.")}} for rule in used
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, used) for problem in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


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
