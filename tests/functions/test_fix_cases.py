"""Every case of tests/cases/fix: a file before and after `functions fix`, byte by byte, or what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import Project

CASES = Path(__file__).parent.parent / "cases" / "fix"
ALL = [
    pytest.param(case, id=f"{file.stem}: {case['about']}")
    for file in sorted(CASES.glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", ALL)
def test_case(case: dict[str, Any], project: Project) -> None:
    assert set(case) <= {"about", "json", "before", "after", "refused"}
    name, refused = "f.json" if case.get("json") else "f.yaml", case.get("refused", [])
    path = project.write(name, case["before"].encode())
    result = project.run("functions", "fix", name, "--write")
    assert path.read_bytes().decode() == case.get("after", case["before"])
    assert result.code == (1 if refused else 0)
    lines = result.err.splitlines()
    assert len(lines) == len(refused), lines
    assert all(line.startswith(f"{name}:") and why in line for line, why in zip(lines, refused, strict=True))


@pytest.mark.parametrize("case", [one for one in ALL if "after" in one.values[0] and "refused" not in one.values[0]])  # type: ignore[operator]
def test_once_is_enough(case: dict[str, Any], project: Project) -> None:
    name = "f.json" if case.get("json") else "f.yaml"
    project.write(name, case["after"].encode())
    result = project.run("functions", "fix", name)
    assert (result.code, result.out, result.err) == (0, "0 files to change, 0 refused\n", "")
