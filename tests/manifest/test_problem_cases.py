"""Every file of tests/cases/problems: a project with mistakes, and the exact lines that `validate` shows.

`DEPLOYER_UPDATE_CASES=1` writes what is shown into the cases instead; read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import Project, Result

CASES = Path(__file__).parents[1] / "cases" / "problems"
UPDATE = os.environ.get("DEPLOYER_UPDATE_CASES") == "1"
KEYS = {"about", "manifest", "files", "arguments", "environ", "never", "expect"}


@pytest.mark.parametrize("file", sorted(CASES.glob("*.yaml")), ids=lambda file: file.stem)
def test_case(file: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    case = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert set(case) <= KEYS
    for name, content in {"assistants.yaml": case.get("manifest"), **case.get("files", {})}.items():
        _make(project, name, content)
    for name, value in case.get("environ", {}).items():
        monkeypatch.setenv(name, value)
    result = project.run("validate", *case.get("arguments", ()))
    assert [secret for secret in case.get("never", ()) if secret in result.out + result.err] == []
    _check_outcome(result)
    if UPDATE:
        _rewrite(file, result.err.splitlines())
    else:
        assert result.err.splitlines() == case["expect"]


def _make(project: Project, name: str, content: Any) -> None:
    """Make one file: text as it is, or {hex: …}, {size: …} (sparse), {repeat: [text, times]}, {link: …}, {kind: …}."""
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    match content:
        case None:
            return
        case str():
            path.write_bytes(content.encode())
        case {"hex": digits}:
            path.write_bytes(bytes.fromhex(digits))
        case {"size": size}:
            with path.open("wb") as sparse:
                sparse.truncate(size)
        case {"repeat": [text, times]}:
            path.write_text(text * times, encoding="utf-8")
        case {"link": target}:
            path.symlink_to(target)
        case {"kind": "folder"}:
            path.mkdir()
        case {"kind": "pipe"}:
            os.mkfifo(path)
        case _:
            pytest.fail(f"the case says something unknown about {name}")


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
