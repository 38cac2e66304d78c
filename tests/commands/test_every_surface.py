"""What is published about a plan is the same on every surface: it is saved, read and applied on each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.kinds import SURFACES
from tests.support.project import Project

SCHEMAS = Path(__file__).parents[2] / "schemas"


def enums(schema: Any) -> Iterator[list[Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield schema["enum"]
        for value in schema.values():
            yield from enums(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from enums(value)


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.name)
def test_a_published_schema_knows_every_surface(file: Path) -> None:
    named = [one for one in enums(json.loads(file.read_text("utf-8"))) if "assistants" in one and "agents" in one]
    assert all(set(one) == set(SURFACES) for one in named)


@pytest.mark.parametrize("api", SURFACES)
def test_a_plan_that_was_saved_is_applied(project: Project, api: str) -> None:
    account = ("--account", "here")
    project.manifest(f"accounts: {{here: {{api: {api}}}}}\nassistants: {{a: {{model: m, instructions: Hello.}}}}\n")
    for command in (
        ("plan", "--out", "plan.json"),
        ("show", "plan.json"),
        ("apply", "--plan", "plan.json", "--yes", *account),
        ("plan", "--exit-code", *account),
        ("drift", "--format", "json", *account),
        ("rollback", "--yes", *account),
    ):
        result = project.run(*command, *(account if command[0] == "plan" and "--out" in command else ()))
        assert result.code == 0, f"{command}\n{result.out}\n{result.err}"
