"""The cases of tests/cases/problems: projects with mistakes, and what `validate` shows of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.project import Project

CASES: Sequence[Path] = sorted((Path(__file__).parents[1] / "cases" / "problems").glob("*.yaml"))


def read(case: Path) -> Any:
    return yaml.safe_load(case.read_text(encoding="utf-8"))


def write(project: Project, case: Any) -> None:
    """Make the files of a case in a project."""
    for name, content in {"assistants.yaml": case.get("manifest"), **case.get("files", {})}.items():
        _make(project, name, content)


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
            raise AssertionError(f"the case says something unknown about {name}")
