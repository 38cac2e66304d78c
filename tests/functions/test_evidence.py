"""What was accepted is no error, and what rules rest on is written down: kind, place, date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.functions.check import check_function, check_response_format
from deployer.functions.rules import RULES, SURFACES, Rule
from deployer.model import Severity

CASES = [
    pytest.param(case, id=case["about"])
    for case in yaml.safe_load(
        (Path(__file__).parents[1] / "cases/functions/evidence/accepted.yaml").read_text("utf-8")
    )
]
STRICT = [rule for rule in RULES.values() if rule.strictness == "strict"]
DATE = re.compile(r"(20\d\d(-[01]\d(-[0-3]\d)?)?|\d+\.\d+\.\d+)?")


@pytest.mark.parametrize("case", CASES)
def test_what_was_accepted_has_no_error(case: dict[str, Any]) -> None:
    assert case["where"]
    assert DATE.fullmatch(str(case["date"]))
    for surface in SURFACES:
        if "response_format" in case:
            found = check_response_format(case["response_format"], strict=case["strict"], surface=surface, name="x")
        else:
            function = {"name": "f", "description": "d", "parameters": case["parameters"], "strict": case["strict"]}
            found = check_function(function, surface)
        assert [finding.rule for finding in found if finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_has_evidence(rule: Rule) -> None:
    assert rule.evidence
    assert all(DATE.fullmatch(one.date) for one in rule.evidence)
    assert all(one.where for one in rule.evidence if one.kind != "deployer")


@pytest.mark.parametrize("rule", STRICT, ids=lambda rule: rule.id)
def test_an_error_of_strict_mode_rests_on_the_api_or_its_guide(rule: Rule) -> None:
    """What is only our judgement, or not in the guide, is a warning."""
    known = {one.kind for one in rule.evidence} & {"recorded", "reported", "guide"}
    assert known or rule.severity is Severity.WARNING
    assert "unproven" not in rule.id or rule.severity is Severity.WARNING
