"""Snapshots on disk and behind URLs: when they are written, which are kept, what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.project import Project
from tests.support.rollback import SNAPSHOTS, account, run, snapshots, write_old
from tests.support.whole import Whole

ROOT = Path(__file__).parent.parent.parent


def test_snapshots_follow_their_schema_and_hold_no_secret(moved_on: Project) -> None:
    schema = json.loads((ROOT / "schemas" / "snapshot.schema.json").read_text(encoding="utf-8"))
    first, second = (json.loads(path.read_text(encoding="utf-8")) for path in snapshots(moved_on))
    for data in (first, second):
        Draft202012Validator(schema).validate(data)
    assert {change["object"] for change in first["changes"]} == {None}
    assert sum(len(change["uploads"]) for change in first["changes"]) == 4, "three documents and a table"
    by_address: Mapping[str, Any] = {change["address"]: change for change in second["changes"]}
    assert by_address["assistant/tutor"]["object"]["name"] == "Tutor"
    assert {file["path"] for file in by_address["vector_store/docs"]["files"]} == {
        "docs/changed.md",
        "docs/gone.md",
        "docs/same.md",
    }


def test_without_a_snapshot_nothing_is_written(project: Project) -> None:
    (project.root / ".deployer").mkdir()
    (project.root / SNAPSHOTS).write_text("in the way", encoding="utf-8")
    write_old(project)
    result = project.run("apply", "--yes")
    assert result.code == 1
    assert "nothing was changed: without a snapshot it could not be rolled back" in result.err
    assert account(project) == Whole([], [], {}, {})


def test_an_empty_apply_writes_none_and_the_newest_fifty_are_kept(project: Project) -> None:
    project.manifest("assistants: {tutor: {model: m}}\n")
    run(project, "apply", "--yes")
    run(project, "apply", "--yes")
    (first,) = snapshots(project)
    for number in range(60):
        (first.parent / f"20200101T0000{number:02}.000000Z-test.json").write_bytes(first.read_bytes())
    (first.parent / "20200101T000000.000000Z-another-test.json").write_bytes(first.read_bytes())
    project.manifest("assistants: {tutor: {model: n}}\n")
    run(project, "apply", "--yes")
    names = [path.name for path in snapshots(project)]
    assert len(names) == 50 + 1, "and one of another project"
    assert first.name in names


def test_snapshots_behind_a_url(project: Project) -> None:
    accounts = "accounts: {here: {api: assistants, snapshots: 'memory://bucket/shots'}}\n"
    project.manifest(f"{accounts}assistants: {{tutor: {{model: m}}}}\n")
    run(project, "apply", "--yes", "--account", "here")
    assert "1 to create" in run(project, "rollback", "--list", "--account", "here").out
    assert not (project.root / SNAPSHOTS).exists()
    run(project, "rollback", "--yes", "--account", "here")
    assert account(project) == Whole([], [], {}, {})


def test_a_snapshot_of_another_account_is_refused(project: Project) -> None:
    assistants = "assistants: {tutor: {model: m}}\n"
    project.manifest(f"accounts: {{one: {{api: assistants}}, two: {{api: agents}}}}\n{assistants}")
    run(project, "apply", "--yes", "--account", "one")
    (name,) = (path.stem for path in snapshots(project))
    result = project.run("rollback", name, "--yes", "--account", "two")
    assert result.code == 1
    assert "is of another account (one · assistants ·" in result.err
    assert "no snapshot of this account yet" in project.run("rollback", "--yes", "--account", "two").err
    assert "No snapshot" in run(project, "rollback", "--list", "--account", "two").out


@pytest.mark.parametrize(
    ("content", "said"), (("{", "it is not JSON"), ("{}", "is none of this deployer"), ("[[", "it is not JSON"))
)
def test_what_is_no_snapshot_is_said_so(project: Project, content: str, said: str) -> None:
    project.manifest("")
    project.write(str(SNAPSHOTS / "20200101T000000.000000Z-test.json"), content)
    result = project.run("rollback", "--yes")
    assert result.code == 1
    assert said in result.err


def test_an_unknown_name(project: Project) -> None:
    project.manifest("")
    result = project.run("rollback", "nothing", "--yes")
    assert result.code == 1
    assert "has no snapshot nothing; deployer rollback --list" in result.err
