"""Every file of tests/cases/problems: a project with mistakes, and the exact lines that `validate` shows.

`DEPLOYER_UPDATE_CASES=1` writes what is shown into the cases instead; read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.support import problems
from tests.support.problems import CASES
from tests.support.project import Project, Result

UPDATE = os.environ.get("DEPLOYER_UPDATE_CASES") == "1"
KEYS = {"about", "manifest", "files", "arguments", "environ", "never", "expect"}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_case(file: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    case = problems.read(file)
    assert set(case) <= KEYS
    problems.write(project, case)
    for name, value in case.get("environ", {}).items():
        monkeypatch.setenv(name, value)
    result = project.run("validate", *case.get("arguments", ()))
    assert [secret for secret in case.get("never", ()) if secret in result.out + result.err] == []
    _check_outcome(result)
    if UPDATE:
        _rewrite(file, result.err.splitlines())
    else:
        assert result.err.splitlines() == case["expect"]


def _check_outcome(result: Result) -> None:
    """Exit code and last line agree with the lines that were shown."""
    errors = [line for line in result.err.splitlines() if ": warning: " not in line]
    assert result.code == (1 if errors else 0)
    assert result.out.startswith(f"{len(errors)} error" if errors else "valid: ")
    assert ("warning" in result.out) is (len(result.err.splitlines()) > len(errors))


def _rewrite(file: Path, lines: list[str]) -> None:
    head = re.split(r"^expect:", file.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)[0]
    shown = "".join(f"\n  - {json.dumps(line, ensure_ascii=False)}" for line in lines)
    file.write_text(f"{head}expect:{shown or ' []'}\n", encoding="utf-8")
