"""Every case of tests/cases/functions: a definition, and exactly what is found, where, and in the API's words.

`expect` maps `[warning ]RULE /POINTER` to what the API would say: text (without "Invalid schema for …: "), null when
nothing is known of it, true when another case has the text. Hints are left out unless a case asks for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.functions import check
from deployer.functions.check import check_examples, check_function, check_functions, check_response_format
from deployer.functions.rules import RULES, SURFACES, Finding, rules_table
from deployer.model import Severity

FILES = sorted((Path(__file__).parents[1] / "cases" / "functions").glob("*.yaml"))
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['about']}")
    for file in FILES
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]
ELSEWHERE = {  # need schemas too large to write down, or values that are no JSON: test_limits.py, test_hostile.py
    *("json", "size", "depth", "crowd", "pattern-length", "description-length"),
    *("strict-unset", "unknown-key"),  # test_shapes.py
    *("strict-properties", "strict-depth", "strict-strings", "strict-enum-count", "strict-enum-size"),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    if "examples" in case:
        found = check_examples(case["function"])
        assert [_path(finding) for finding in found] == case["examples"]
        assert {finding.rule for finding in found} <= {"examples"}
        return
    shown = [finding for finding in _found(case) if case.get("hints") or RULES[finding.rule].strictness != "hint"]
    expected = dict(case["expect"] or {})
    assert _keys(shown) == list(expected)
    for finding, says in zip(shown, expected.values(), strict=True):
        _check_says(case, finding, says)
    if "remedy" in case:
        assert case["remedy"] in [finding.remedy for finding in shown]


def _found(case: dict[str, Any]) -> Sequence[Finding]:
    surface, strict = case.get("surface", "assistants"), case.get("strict", False)
    if "response_format" in case:
        return check_response_format(case["response_format"], strict, surface, case.get("name", ""))
    if "functions" in case:
        functions = case["functions"]
        many = isinstance(functions, dict)
        return check_functions([{"name": f"f{n}"} for n in range(functions["count"])] if many else functions)
    function = case.get("function") or {"name": "f", "description": "d", "parameters": case["parameters"]}
    return check_function({**function, "strict": strict} if strict else function, surface)


def _keys(found: Sequence[Finding]) -> list[str]:
    seen: Counter[str] = Counter()
    keys = []
    for finding in found:
        key = f"{'warning ' * (finding.severity is Severity.WARNING)}{finding.rule} {_path(finding)}"
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key} {seen[key]}")
    return keys


def _path(finding: Finding) -> str:
    return "/" + "/".join(map(str, finding.pointer))


def _check_says(case: dict[str, Any], finding: Finding, says: object) -> None:
    assert finding.message
    assert finding.remedy
    assert finding.severity is RULES[finding.rule].severity_at(strict=case.get("strict", False))
    if says is True:
        assert finding.says
        return
    label = f"response_format '{case.get('name', '')}'" if "response_format" in case else "function 'f'"
    whole = f"Invalid schema for {label}: {says}"
    assert finding.says in ((None,) if says is None else (says, whole))


@pytest.mark.parametrize("strict", (False, True))
@pytest.mark.parametrize("surface", tuple(SURFACES))
def test_where_a_rule_applies_is_what_its_row_says(surface: str, *, strict: bool) -> None:
    """The check tables name every rule about a schema, and no finding is of a rule that does not apply."""
    named = {rule for _, rules in check.WHOLE for rule in rules}
    named |= {rule for row in (*check.VALID, *check.STRICT, *check.HINTS) for rule in row.rules}
    for case in (case.values[0] for case in CASES):
        assert isinstance(case, dict)
        function = case.get("function") or {"name": "f", "description": "d", "parameters": case.get("parameters")}
        found = list(check_function({**function, "strict": strict}, surface))
        applying = strict and SURFACES[surface].strict
        assert all(RULES[finding.rule].applies(surface, strict=applying) for finding in found)
        assert {finding.rule for finding in found if finding.pointer[:1] == ("parameters",)} <= named | {"json", "size"}


def test_every_rule_has_a_case() -> None:
    named = {key.removeprefix("warning ").split(" ")[0] for case in CASES for key in _expected(case.values[0])}
    assert named | ELSEWHERE | {"examples"} == {rule for rule in RULES if not rule.startswith("handler-")}


def _expected(case: object) -> Sequence[str]:
    assert isinstance(case, dict)
    return list(case.get("expect") or ())


def test_the_table_for_the_docs_has_every_rule_once() -> None:
    rows = rules_table().splitlines()
    assert len(rows) == len(RULES) + 2
    assert {row.count(" | ") for row in rows} == {rows[0].count(" | "), 0}
    assert all(f"| `{name}` |" in rules_table() for name in RULES)
