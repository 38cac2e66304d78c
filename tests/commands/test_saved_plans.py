"""A plan in a file: applied exactly as it was reviewed, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from deployer.backends.embedded import FOLDER
from deployer.engine import plan_json
from tests.support.live import apply, embedded, http, session
from tests.support.project import Project

MANIFEST = "assistants: {a: {model: m, instructions: first}, b: {model: m}}"
CHANGED = "assistants: {a: {model: m, instructions: second}, b: {model: m}}"


@pytest.fixture
def planned(project: Project) -> Project:
    """A project that is deployed, with a change in git, of which a plan was saved."""
    project.manifest(MANIFEST)
    assert project.run("apply", "--yes").code == 0
    project.manifest(CHANGED)
    assert project.run("plan", "--out", str(project.root / "plan.json")).code == 0
    return project


def edit(project: Project, name: str, body: dict[str, Any]) -> None:
    """Edit an assistant on the account, behind the manifest's back."""

    async def run() -> None:
        async with (
            embedded(project.root / FOLDER) as wire,
            session(project.root, "assistants", wire) as one,
        ):
            found = next(live for live in await one.read() if live.raw["metadata"]["deployer"].endswith(name))
            await http(one).write("POST", f"/assistants/{found.id}", body)

    asyncio.run(run())


def apply_saved(project: Project) -> tuple[int, str]:
    result = project.run("apply", "--yes", "--plan", str(project.root / "plan.json"))
    return result.code, result.err


def test_a_saved_plan_is_applied(planned: Project) -> None:
    assert apply_saved(planned) == (0, "")
    assert planned.run("plan", "--exit-code").code == 0


def test_it_is_refused_when_the_manifest_changed(planned: Project) -> None:
    planned.manifest(CHANGED.replace("second", "third"))
    code, said = apply_saved(planned)
    assert code == 1
    assert "the manifest changed" in said
    assert "assistant/a" in said


@pytest.mark.parametrize("name", ("a", "b"))
def test_it_is_refused_when_a_reviewed_object_moved(planned: Project, name: str) -> None:
    """Also one that the plan would not have touched, and a field that nobody declared."""
    edit(planned, name, {"temperature": 0.3})
    code, said = apply_saved(planned)
    assert code == 1
    assert f"assistant/{name} moved on the account" in said
    assert "manifest changed" not in said


def test_it_is_refused_for_another_account(planned: Project) -> None:
    planned.manifest(CHANGED + "\naccounts: {other: {api: agents}}\n")
    result = planned.run("apply", "--yes", "--account", "other", "--plan", str(planned.root / "plan.json"))
    assert result.code == 1
    assert "made for another account (embedded · assistants · embedded in .deployer/account)" in result.err


def forge(data: dict[str, Any]) -> str:
    return json.dumps({**data, "project": "other"})


def sign(data: dict[str, Any]) -> str:
    """Forge it well: the fingerprint fits what was changed."""
    data["changes"][0]["fields"][0]["new"] = "Something that nobody reviewed."
    return json.dumps({**data, "fingerprint": plan_json.fingerprint_of(data)})


@pytest.mark.parametrize(
    ("write", "says"),
    (
        (forge, "was changed after it was made"),
        (sign, "assistant/a moved on the account"),
        (lambda _data: "{", "it is not JSON"),
        (lambda _data: "[" * 100_000, "it is nested deeper than 200 levels"),
        (lambda _data: "{}", "is no plan of this deployer"),
    ),
)
def test_it_is_refused_when_it_was_tampered_with(
    planned: Project, write: Callable[[dict[str, Any]], str], says: str
) -> None:
    file = planned.root / "plan.json"
    file.write_text(write(json.loads(file.read_text(encoding="utf-8"))), encoding="utf-8")
    code, said = apply_saved(planned)
    assert (code, says in said) == (1, True), said
    assert planned.run("plan", "--exit-code").code == 2


def test_it_says_what_to_do_when_there_is_none(project: Project) -> None:
    project.manifest(MANIFEST)
    code, said = apply_saved(project)
    assert code == 1
    assert "plan.json cannot be read (No such file or directory); name the file that plan --out wrote" in said


def test_its_wishes_are_part_of_it(planned: Project) -> None:
    """Whoever applies it cannot add a prune that nobody reviewed, and need not repeat one that was."""
    planned.manifest("assistants: {a: {model: m, instructions: second}}")
    file = str(planned.root / "plan.json")
    assert planned.run("plan", "--prune", "--out", file).code == 0
    assert planned.run("apply", "--yes", "--plan", file).code == 0
    assert "assistant/b" not in planned.run("plan").out


def test_the_stamp_names_the_commit_of_the_plan(planned: Project) -> None:
    """The file holds it, so that a plan made on one commit and applied on the next is still the same plan."""
    data = json.loads((planned.root / "plan.json").read_text(encoding="utf-8"))
    assert data["scope"] == {"prune": False, "on_drift": "fail", "check_files": False, "origin": ""}

    async def run() -> None:
        async with (
            embedded(planned.root / FOLDER) as wire,
            session(planned.root, "assistants", wire) as one,
        ):
            await apply(one)

    asyncio.run(run())
    assert apply_saved(planned)[0] == 1, "somebody else has applied it already"


def test_nobody_can_add_wishes_to_it(planned: Project) -> None:
    result = planned.run("apply", "--yes", "--prune", "--plan", str(planned.root / "plan.json"))
    assert result.code == 64
    assert "a saved plan holds its options; leave out --prune" in result.err


def test_a_plan_that_cannot_be_saved_is_a_sentence(planned: Project) -> None:
    result = planned.run("plan", "--out", "nowhere/plan.json")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "the plan cannot be saved as nowhere/plan.json (No such file or directory); "
        "name a file in a folder that may be written\n"
    )
