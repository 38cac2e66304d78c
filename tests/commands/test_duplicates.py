"""Two objects that carry one address: every command that sees them says so, and none of them ends well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.test_drift import ask
from tests.support.project import Project

MANIFEST = "assistants: {tutor: {model: m, name: Tutor}}"
COMMANDS = (
    *(("drift",), ("outputs",), ("gc", "--yes")),
    *(("export", "copy", "-f", "assistants.yaml", way) for way in ("--yes", "--no-adopt")),
)


@pytest.fixture
def twice(project: Project) -> tuple[Project, list[str]]:
    project.manifest(MANIFEST)
    assert project.run("apply", "--yes").code == 0
    (first,) = ask(project, "GET", "/assistants")["data"]
    kept = {name: first[name] for name in ("model", "name", "metadata")}
    return project, [first["id"], ask(project, "POST", "/assistants", kept)["id"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_duplicate_is_named_and_a_failure(
    twice: tuple[Project, list[str]], command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, ids = twice
    monkeypatch.chdir(project.root)
    result = project.run(*command)
    assert result.code == 1, result.out + result.err
    assert any(one in result.out + result.err for one in ids)
    assert "the next plan is empty" not in (result.out + result.err).lower()
    assert Path("copy/assistants.yaml").exists() == (command[0] == "export")
