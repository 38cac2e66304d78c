"""Every case of tests/cases/compare: two schemas of one property, and what is told about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.functions.compatibility.compare import compare
from deployer.functions.compatibility.difference import BREAKING, COMPATIBLE

CASES = Path(__file__).parent.parent / "cases" / "compare"
KEYS = {"about", "old", "new", "definitions", "new definitions", "breaking", "expect"}
ALL = [
    pytest.param(case, id=f"{file.stem}: {case['about']}")
    for file in sorted(CASES.glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]


def _function(schema: Any, definitions: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"p": schema}, "required": ["p"]}
    return {"name": "f", "parameters": {**parameters, "$defs": definitions}}


@pytest.mark.parametrize("case", ALL)
def test_case(case: dict[str, Any]) -> None:
    assert set(case) <= KEYS
    shared = case.get("definitions", {})
    others = case.get("new definitions", shared)
    found = compare(_function(case["old"], shared), _function(case["new"], others))
    assert [f"{one.kind} {one.place}" for one in found] == case["expect"]
    assert any(one.breaking for one in found) is case["breaking"]
    assert all(one.pointer[:3] == ("parameters", "properties", "p") for one in found)


def test_the_cases_show_most_kinds_and_both_sides() -> None:
    shown = {line.split()[0] for case in ALL for line in case.values[0]["expect"]}  # type: ignore[index]
    of_functions = {"function-renamed", "function-added", "function-removed", "strict-dropped", "strict-added"}
    assert {*BREAKING, *COMPATIBLE} - shown == {*of_functions, "setting-changed"}
    assert not shown - {*BREAKING, *COMPATIBLE}
