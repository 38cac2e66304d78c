"""What is on the account is looked at right before it is written: what moved since the plan is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deployer.apply import precondition
from deployer.apply.execute import execute
from deployer.backends.embedded import FOLDER
from deployer.model import FileAction, Outcome, Plan, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from tests.support.faulty import day
from tests.support.live import QUICK, Message, Wire, http
from tests.support.project import Project

STORE = "vector_stores: {docs: {files: [{path: '*.md', attributes: {topic: %s}}]}}"
FILES = {"a.md": "one", "b.md": "two"}
Meddle = Callable[[Session, Plan], Awaitable[None]]


def executed(project: Project, meddle: Meddle, before: Callable[[Session, Wire], None] | None = None) -> Outcome:
    """Apply what the project says now, with somebody else at work between plan and apply; give the first outcome."""
    with day(project.root, folder=project.root / FOLDER) as today:

        async def run(one: Session) -> Outcome:
            plan = await one.plan(PlanOptions())
            await meddle(one, plan)
            if before:
                before(one, today.wire)
            return (await execute(one.account, plan, project.root, lambda _event: None, waits=QUICK))[0]

        return today.run(run)


def edits(name: str, body: dict[str, Any]) -> Meddle:
    """Let somebody write a membership of the document `name`, with all else that it holds."""

    async def meddle(one: Session, plan: Plan) -> None:
        store = next(live for live in plan.live if live.files)
        file = next(file for file in store.files if file.path == name)
        path = f"/vector_stores/{store.id}/files/{file.id}"
        now = (await http(one).get(path)).data["attributes"]
        await http(one).write("POST", path, {"attributes": {**now, **body}})

    return meddle


@pytest.fixture
def deployed(project: Project) -> Project:
    for name, content in FILES.items():
        project.write(name, content)
    project.manifest(STORE % "old")
    assert project.run("apply", "--yes").code == 0
    return project


def change(project: Project, action: FileAction) -> None:
    if action is FileAction.UPDATE:
        project.manifest(STORE % "new")
    elif action is FileAction.REPLACE:
        project.write("a.md", "changed")
    elif action is FileAction.REMOVE:
        (project.root / "a.md").unlink()


@pytest.mark.parametrize("few", (0, 100))
@pytest.mark.parametrize("action", (FileAction.UPDATE, FileAction.REPLACE, FileAction.REMOVE))
def test_a_document_that_somebody_edited_is_left_alone(
    deployed: Project, monkeypatch: pytest.MonkeyPatch, action: FileAction, few: int
) -> None:
    """Read one by one, or with the whole list where there are many."""
    monkeypatch.setattr(precondition, "_FEW", few)
    change(deployed, action)
    outcome = executed(deployed, edits("a.md", {"owner": "ann"}))
    assert outcome.status is Status.FAILED
    assert outcome.why == ("documents moved since the plan was made: a.md (owner); look at them and plan again")
    assert deployed.run("apply", "--yes", "--on-drift", "overwrite").code == 0
    assert deployed.run("plan", "--exit-code").code == 0


def test_a_document_that_nothing_is_planned_for_may_move(deployed: Project) -> None:
    change(deployed, FileAction.REPLACE)
    assert executed(deployed, edits("b.md", {"owner": "ann"})).status is Status.DONE


def test_a_document_that_is_gone_meanwhile_can_lose_nothing(deployed: Project) -> None:
    async def meddle(one: Session, plan: Plan) -> None:
        store = next(live for live in plan.live if live.files)
        file = next(file for file in store.files if file.path == "a.md")
        await http(one).write("DELETE", f"/vector_stores/{store.id}/files/{file.id}")

    change(deployed, FileAction.REPLACE)
    assert executed(deployed, meddle).status is Status.DONE
    assert deployed.run("plan", "--exit-code").code == 0


def test_an_assistant_is_looked_at_again_after_its_uploads(project: Project) -> None:
    """Sending its files can take minutes."""
    manifest = "assistants: {a: {model: m, instructions: in git, tools: [{type: code_interpreter, files: [%s]}]}}"
    project.write("a.csv", "1")
    project.write("b.csv", "2")
    project.manifest(manifest % "a.csv")
    assert project.run("apply", "--yes").code == 0
    project.manifest(manifest % "a.csv, b.csv")

    async def nobody(_one: Session, _plan: Plan) -> None:
        await asyncio.sleep(0)

    def meanwhile(one: Session, wire: Wire) -> None:
        app = wire.app

        async def meddling(scope: Message, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            if (scope["method"], scope["path"]) == ("POST", "/v1/files"):
                (found,) = await one.read()
                await http(one).write("POST", f"/assistants/{found.id}", {"instructions": "by hand"})

        wire.app = meddling

    outcome = executed(project, nobody, meanwhile)
    assert outcome.status is Status.FAILED
    assert "moved since the plan was made (instructions)" in outcome.why
    drift = project.run("drift", "--exit-code")
    assert "by hand" in drift.out
    assert project.run("apply", "--yes", "--on-drift", "keep").code == 0


def test_a_conflict_over_a_document_shows_both_values(deployed: Project) -> None:
    async def meddle(one: Session) -> None:
        await edits("a.md", {"topic": "by hand"})(one, await one.plan(PlanOptions()))

    with day(deployed.root, folder=deployed.root / FOLDER) as today:
        today.run(meddle)
    result = deployed.run("apply", "--yes")
    assert result.code == 1
    assert '  vector_store/docs: a.md: topic: git says "old", the account says "by hand"\n' in result.err
