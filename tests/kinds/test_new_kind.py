"""A new kind is one module and one row in each of two tables: beside HTTP kinds it goes the whole way, in a folder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from deployer.backends.folder import FolderBackend
from deployer.errors import AccountError
from deployer.kinds import BESIDE, SURFACES, Home
from deployer.manifest.sections import SECTIONS, Section
from tests.kinds import note
from tests.support.project import Project
from tests.support.requests import Recorder, recording

MANIFEST = """
assistants:
  tutor: {{name: Tutor, model: gpt-6-luna, instructions: {instructions}}}
notes:
  first: {{title: {title}, lines: [a, b]}}
"""
A = MANIFEST.format(instructions="Explain.", title="Hello")
B = MANIFEST.format(instructions="Explain well.", title="Good day") + "  second: {title: Another}\n"
TUTOR_ALONE = "assistants:\n  tutor: {name: Tutor, model: gpt-6-luna, instructions: Explain.}\n"


@pytest.fixture(autouse=True)
def _notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the two rows."""
    monkeypatch.setitem(SURFACES["assistants"], "note", Home(note.KIND, "folder"))
    monkeypatch.setitem(SECTIONS, "notes", Section("note", fragment=note.FRAGMENT))


def files(project: Project) -> list[Path]:
    return sorted((project.root / ".deployer" / "objects").glob("*/note/*.json"))


def notes(project: Project) -> dict[str, Any]:
    """Give the objects in the folder by the name in their stamp."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files(project)]
    return {one["stamp"]["deployer"].rpartition("/")[2]: one["object"] for one in found}


def edit(project: Project, **fields: Any) -> None:
    """Change the only note in its file, as a person would."""
    (path,) = files(project)
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, "object": {**data["object"], **fields}}), encoding="utf-8")


def run(project: Project, *command: str, code: int = 0) -> str:
    result = project.run(*command)
    assert result.code == code, f"{command}\n{result.out}\n{result.err}"
    return result.out + result.err


def test_it_goes_the_whole_way_beside_kinds_that_live_behind_http(project: Project) -> None:
    project.manifest(A)
    run(project, "validate")
    assert "+ note/first" in run(project, "plan")
    run(project, "apply", "--yes")
    assert notes(project) == {"first": {"title": "Hello", "lines": ["a", "b"]}}
    run(project, "plan", "--exit-code")
    project.manifest(B)
    run(project, "apply", "--yes")
    assert notes(project) == {
        "first": {"title": "Good day", "lines": ["a", "b"]},
        "second": {"title": "Another"},
    }
    run(project, "plan", "--exit-code")
    run(project, "rollback", "--yes")
    assert notes(project) == {"first": {"title": "Hello", "lines": ["a", "b"]}}
    project.manifest(A)
    run(project, "plan", "--exit-code")
    run(project, "destroy", "--confirm", "test")
    assert files(project) == []
    assert "not on the account" in run(project, "plan")


def test_what_somebody_edits_is_drift_and_a_conflict(project: Project) -> None:
    project.manifest(A)
    run(project, "apply", "--yes")
    edit(project, title="By hand")
    found = json.loads(run(project, "drift", "--format", "json"))
    (moved,) = found["moved"]
    assert (moved["address"], moved["fields"][0]["path"], moved["fields"][0]["live"]) == (
        "note/first",
        "title",
        "By hand",
    )
    assert "edited on the account since the last apply" in run(project, "apply", "--yes", code=1)
    run(project, "apply", "--yes", "--on-drift", "overwrite")
    assert notes(project)["first"]["title"] == "Hello"


def test_what_is_no_longer_declared_goes_back_to_the_default_and_an_orphan_goes_with_consent(project: Project) -> None:
    project.manifest(A)
    run(project, "apply", "--yes")
    project.manifest(A.replace(", lines: [a, b]", ""))
    run(project, "apply", "--yes")
    assert notes(project)["first"]["lines"] == []
    project.manifest(TUTOR_ALONE)
    assert "--prune deletes it" in run(project, "plan")
    run(project, "apply", "--yes", "--prune")
    assert files(project) == []


def test_a_reviewed_note_that_moved_is_not_written(project: Project) -> None:
    project.manifest(A)
    run(project, "apply", "--yes")
    project.manifest(B)
    run(project, "plan", "--out", "plan.json", "--exit-code", code=2)
    edit(project, lines=["moved"])
    assert run(project, "apply", "--yes", "--plan", "plan.json", code=1)
    assert notes(project)["first"]["title"] == "Hello"


def test_it_is_exported_and_the_next_plan_is_empty(project: Project) -> None:
    project.manifest(A)
    run(project, "apply", "--yes")
    said = run(project, "export", ".", "--force", "overwrite", "--yes")
    assert "2 objects" in said
    written = (project.root / "assistants.yaml").read_text(encoding="utf-8")
    assert "notes:\n  first:\n    title: Hello\n    lines:\n      - a\n      - b\n" in written
    assert "The next plan is empty." in said


def test_a_foreign_one_is_exported_under_a_name_of_its_own_and_adopted(project: Project) -> None:
    project.manifest(A)
    run(project, "apply", "--yes")
    (path,) = files(project)
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, "stamp": {}}), encoding="utf-8")
    said = run(project, "export", ".", "--force", "overwrite", "--yes")
    written = (project.root / "assistants.yaml").read_text(encoding="utf-8")
    assert "notes:\n  note-1:\n    title: Hello\n" in written
    assert "The next plan is empty." in said


def test_what_the_surface_cannot_carry_is_said_and_an_odd_entry_is_a_problem_at_its_place(project: Project) -> None:
    project.manifest(A.replace("lines:", "colour: red, lines:"))
    assert "note/first.colour: not sent to account embedded: a note has no colour" in run(project, "plan")
    project.manifest("notes:\n  first: {titel: Hello}\n")
    assert "note/first" in run(project, "validate", code=1)


def test_a_file_that_is_no_note_is_named(project: Project) -> None:
    project.manifest(A)
    run(project, "apply", "--yes")
    (path,) = files(project)
    path.write_text("{", encoding="utf-8")
    said = run(project, "plan", code=1)
    assert f"holds {path.name}, which is none of its objects; mend or remove the file" in said


def asked(recorder: Recorder) -> list[str]:
    requests, recorder.told = recorder.told, []
    return requests


@pytest.mark.parametrize("api", ("assistants", "agents"))
def test_registering_it_sends_no_request_anywhere(project: Project, monkeypatch: pytest.MonkeyPatch, api: str) -> None:
    """Whatever is done with other kinds, and on other surfaces, is done by the same requests as without its row."""
    project.manifest(f"accounts: {{here: {{api: {api}}}}}\n{TUTOR_ALONE}")
    words = ("apply --yes", "plan", "gc --yes", "destroy --confirm test")
    commands = [(*command.split(), "--account", "here") for command in words]
    with recording() as recorder:
        for command in commands:
            run(project, *command)
        with_row = asked(recorder)
        monkeypatch.delitem(SURFACES["assistants"], "note")
        recorder.forget()
        for command in commands:
            run(project, *command)
        assert sorted(with_row) == sorted(asked(recorder))
    assert not [one for one in with_row if "note" in one]


def test_a_surface_all_of_whose_kinds_live_in_a_folder_needs_no_account_at_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SURFACES, "notes", {"note": Home(note.KIND, "folder")})
    only = "accounts: {here: {api: notes}}\nnotes:\n  first: {title: TITLE}\n"
    with recording() as recorder:
        project.manifest(only.replace("TITLE", "Hello"))
        run(project, "apply", "--yes", "--account", "here")
        project.manifest(only.replace("TITLE", "Good day"))
        run(project, "apply", "--yes", "--account", "here")
        run(project, "plan", "--check-files", "--exit-code", "--account", "here")
        run(project, "rollback", "--yes", "--account", "here")
        assert notes(project) == {"first": {"title": "Hello"}}
        run(project, "gc", "--yes", "--account", "here")
        run(project, "drift", "--account", "here")
        run(project, "unlock", "--yes", "--account", "here")
        run(project, "destroy", "--confirm", "test", "--account", "here")
        assert files(project) == []
    assert recorder.told == []
    assert not (project.root / ".deployer" / "account").exists()


@pytest.mark.parametrize("kind", ("folder", "url"))
def test_a_folder_lists_gets_makes_changes_and_deletes(tmp_path: Path, kind: str) -> None:
    place = (
        str(tmp_path / "objects") if kind == "folder" else f"memory:/{tmp_path}/objects"
    )  # the name alone comes again
    asyncio.run(_walked(FolderBackend("test", place, clock=iter(range(100)).__next__)))


async def _walked(folder: FolderBackend) -> None:
    assert await folder.list("note") == []
    one = await folder.create("note", {"title": "One", BESIDE: {"deployer": "p/note/one"}})
    two = await folder.create("note", {"title": "Two"})
    seen: list[Any] = []
    assert [row["title"] for row in await folder.list("note", seen.append)] == ["One", "Two"]
    assert [row["id"] for row in seen] == [one["id"], two["id"]]
    assert await folder.get("note", one["id"]) == one
    changed = await folder.update("note", one["id"], {"lines": ["a"]})
    assert changed == {**one, "lines": ["a"]}, "the stamp stays"
    assert await folder.get("note", one["id"]) == changed
    assert await folder.list("other") == []
    await folder.delete("note", one["id"])
    await folder.delete("note", one["id"])
    with pytest.raises(AccountError, match="holds no") as gone:
        await folder.get("note", one["id"])
    assert gone.value.absent
    assert [row["id"] for row in await folder.list("note")] == [two["id"]]


def test_an_id_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="holds no"):
        asyncio.run(FolderBackend("test", str(tmp_path)).get("note", "../secret"))


def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "note").mkdir()
    (tmp_path / "note" / "n1.json").mkdir()
    with pytest.raises(AccountError, match=r"account test: .*note cannot be read \(Is a directory\); check the folder"):
        asyncio.run(FolderBackend("test", str(tmp_path)).get("note", "n1"))
