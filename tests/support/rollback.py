"""What tests of snapshots and rollbacks look at: runs that succeed, the whole account, the snapshots on disk."""

from __future__ import annotations

import json
from pathlib import Path

from deployer.server import EmbeddedAccount
from tests.support.project import Project, Result
from tests.support.whole import Whole, whole

SNAPSHOTS = Path(".deployer") / "snapshots"

OLD = """
vector_stores:
  docs:
    name: Docs
    files: [{path: docs/**, attributes: {level: 1}}]
    metadata: {team: a, gone: soon}
assistants:
  tutor:
    model: m
    name: Tutor
    temperature: 0.3
    metadata: {team: a}
    tools: [{type: file_search, vector_stores: [docs]}, {type: code_interpreter, files: [data/*.csv]}]
  leaving: {model: m, name: Leaving, instructions: Say goodbye.}
"""
NEW = """
vector_stores:
  docs:
    name: Documents
    files: [{path: docs/**, attributes: {level: 2}}]
    metadata: {team: b}
  more: {name: More}
assistants:
  tutor:
    model: n
    instructions: Be brief.
    metadata: {team: b, new: pair}
    tools: [{type: file_search, vector_stores: [more]}]
  coming: {model: m}
"""


def run(project: Project, *arguments: str) -> Result:
    result = project.run(*arguments)
    assert result.code == 0, result.out + result.err
    return result


def account(project: Project) -> Whole:
    with EmbeddedAccount(project.root / ".deployer" / "account") as found:
        return whole(found)


def snapshots(project: Project) -> list[Path]:
    return sorted((project.root / SNAPSHOTS).glob("*.json"))


def rolled_back(project: Project, number: int = -1) -> str:
    """Roll back to before the run of a snapshot; return what was said."""
    return run(project, "rollback", snapshots(project)[number].stem, "--yes").out


def unrecorded(project: Project) -> None:
    """Leave the snapshots as runs leave them that were killed at their end."""
    for path in snapshots(project):
        data = json.loads(path.read_text(encoding="utf-8"))
        for change in data["changes"]:
            change.pop("made", None)
        path.write_text(json.dumps(data), encoding="utf-8")


def write_old(project: Project) -> None:
    project.manifest(OLD)
    project.write("docs/changed.md", "as it was")
    project.write("docs/gone.md", "not for long")
    project.write("docs/same.md", "always the same")
    project.write("data/a.csv", "a,b\n")
    (project.root / "docs/new.md").unlink(missing_ok=True)


def write_new(project: Project) -> None:
    project.manifest(NEW)
    project.write("docs/changed.md", "as it is now")
    project.write("docs/new.md", "something new")
    (project.root / "docs/gone.md").unlink(missing_ok=True)
