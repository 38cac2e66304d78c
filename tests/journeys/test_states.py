"""Walk states and come back: empty → A → B → A → empty; after every apply the next plan is empty."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import deployer
from deployer.model import Action, Plan, ProblemsFound, Status
from deployer.project import PlanOptions
from tests.support.live import Wire, apply, embedded, http, session
from tests.support.project import Project

APIS = ("assistants", "agents")
EVERY = (*APIS, "foundry")

STATE_A = """
vector_stores:
  docs:
    name: 문서
    files: [docs/**]
assistants:
  tutor:
    name: Tutor
    model: gpt-6-luna
    instructions: Explain in one sentence.
    metadata: {team: education, old: pair}
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: function, name: show, description: Shows, parameters: {type: object, properties: {a: {type: string}}}}
  plain: {model: gpt-6-luna}
"""

STATE_B = """
vector_stores:
  docs:
    name: 문서들
    files: [docs/**]
    expires_after: {anchor: last_active_at, days: 7}
  more: {name: More}
assistants:
  tutor:
    name: Tutor
    model: gpt-6.1-sol
    instructions: Explain in two short sentences.
    reasoning_effort: low
    metadata: {team: research}
    tools:
      - {type: file_search, vector_stores: [more]}
      - {type: function, name: show, description: Shows, parameters: {type: object, properties: {b: {type: string}}}}
  other:
    model: gpt-6-luna
    response_format: {type: json_schema, json_schema: {name: n, schema: {type: object, properties: {}}}}
"""

EMPTY = ""


def write_a(project: Project) -> None:
    project.manifest(STATE_A)
    project.write("docs/한글.md", "# 하나\n")
    project.write("docs/two.txt", "two")
    (project.root / "docs/three.txt").unlink(missing_ok=True)


def write_b(project: Project) -> None:
    project.manifest(STATE_B)
    project.write("docs/한글.md", "# 둘\n")
    project.write("docs/three.txt", "three")
    (project.root / "docs/two.txt").unlink(missing_ok=True)


def write_empty(project: Project) -> None:
    project.manifest(EMPTY)


async def converge(project: Project, wire: Wire, api: str) -> Plan:
    """Apply, require success, and give the plan that was applied; the next one must be empty and writes nothing."""
    async with session(project.root, api, wire) as one:
        plan = await one.plan(PlanOptions(prune=True))
        outcomes = await apply(one, prune=True)
        assert [outcome for outcome in outcomes if outcome.status is not Status.DONE] == []
        written = len(wire.writes)
        assert (await one.plan(PlanOptions(prune=True))).pending == ()
        assert await apply(one, prune=True) == ()
        assert len(wire.writes) == written
        return plan


async def content(wire: Wire, root: Path, api: str) -> dict[str, Any]:
    """Everything on the account, by what it is called."""
    async with session(root, api, wire) as one:
        objects = await one.read()
        files = [row["filename"] for row in (await http(one).get("/files")).data["data"]]
    names = sorted(str(live.raw["metadata"].get("deployer", live.raw["name"])) for live in objects)
    members = sorted(str(file.path) for live in objects for file in live.files)
    return {"objects": names, "files": sorted(files), "members": members}


@pytest.mark.parametrize("api", EVERY)
def test_empty_a_b_a_empty(project: Project, api: str) -> None:
    async def walk() -> None:
        async with embedded(project.root / "account") as wire:
            write_a(project)
            created = await converge(project, wire, api)
            assert {change.action for change in created.changes} == {Action.CREATE}
            first = await content(wire, project.root, api)
            assert first["files"] == ["two.txt", "한글.md"]
            assert first["members"] == ["docs/two.txt", "docs/한글.md"]

            write_b(project)
            changed = await converge(project, wire, api)
            actions = {str(change.address): change.action for change in changed.changes}
            assert actions == {
                "vector_store/docs": Action.UPDATE,
                "vector_store/more": Action.CREATE,
                "assistant/tutor": Action.UPDATE,
                "assistant/other": Action.CREATE,
                "assistant/plain": Action.DELETE,
            }
            second = await content(wire, project.root, api)
            assert second["files"] == ["three.txt", "한글.md"]

            write_a(project)
            await converge(project, wire, api)
            assert await content(wire, project.root, api) == first

            write_empty(project)
            await converge(project, wire, api)
            assert await content(wire, project.root, api) == {"objects": [], "files": [], "members": []}

    asyncio.run(walk())


@pytest.mark.parametrize("api", EVERY)
def test_one_write_for_each_object_and_none_for_what_is_as_declared(project: Project, api: str) -> None:
    async def walk() -> None:
        async with embedded(project.root / "account") as wire:
            project.manifest("assistants:\n" + "".join(f"  a{n}: {{model: m}}\n" for n in range(20)))
            await converge(project, wire, api)
            assert len(wire.writes) == 20
            project.manifest(
                "assistants:\n" + "".join(f"  a{n}: {{model: {'n' if n == 7 else 'm'}}}\n" for n in range(20))
            )
            await converge(project, wire, api)
            assert len(wire.writes) == 21

    asyncio.run(walk())


@pytest.mark.slow
@pytest.mark.parametrize("api", (*APIS, pytest.param("foundry", marks=pytest.mark.nightly)))
def test_a_failure_at_any_write_is_told_and_the_next_run_does_what_is_left(project: Project, api: str) -> None:
    """Refuse write k, for every k of A → B: exit is honest, nothing is done twice, the end is the undisturbed one."""

    async def undisturbed() -> tuple[dict[str, Any], int]:
        async with embedded(project.root / "calm") as wire:
            write_a(project)
            await converge(project, wire, api)
            before = len(wire.writes)
            write_b(project)
            await converge(project, wire, api)
            return await content(wire, project.root, api), len(wire.writes) - before

    async def disturbed(k: int) -> dict[str, Any]:
        async with embedded(project.root / f"account-{k}") as wire:
            write_a(project)
            await converge(project, wire, api)
            write_b(project)
            start = len(wire.writes)
            wire.fails = lambda _number, request: not request.startswith("GET") and len(wire.writes) - start == k
            async with session(project.root, api, wire) as one:
                outcomes = await apply(one, prune=True)
            halved = wire.writes[start + k - 1].endswith("/file_batches")  # then each half was taken
            failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
            assert bool(failed) != halved, f"write {k} was refused"
            assert all(outcome.why for outcome in outcomes if outcome.status is not Status.DONE)
            wire.fails = lambda _number, _request: False
            await converge(project, wire, api)
            return await content(wire, project.root, api)

    expected, writes = asyncio.run(undisturbed())
    assert writes >= 8
    for k in range(1, writes + 1):
        found = asyncio.run(disturbed(k))
        assert found["objects"] == expected["objects"], f"write {k}"
        assert found["members"] == expected["members"], f"write {k}"
        assert found["files"] == expected["files"], f"write {k}"


@pytest.mark.parametrize("api", APIS)
def test_foreign_objects_are_left_alone(project: Project, api: str) -> None:
    async def walk() -> None:
        async with embedded(project.root / "account") as wire:
            write_a(project)
            async with session(project.root, api, wire) as one:
                path = f"/{api}"
                mine = {"model": "gpt-6-luna", "name": "Tutor", "metadata": {"deployer": "else/assistant/tutor"}}
                foreign = (await http(one).write("POST", path, mine)).data
            await converge(project, wire, api)
            write_empty(project)
            await converge(project, wire, api)
            async with session(project.root, api, wire) as one:
                assert (await http(one).get(f"{path}/{foreign['id']}")).data == foreign

    asyncio.run(walk())


@pytest.mark.parametrize("api", APIS)
def test_what_nobody_declared_is_never_touched_and_edits_are_told_apart(project: Project, api: str) -> None:
    async def walk() -> None:
        async with embedded(project.root / "account") as wire:
            write_a(project)
            await converge(project, wire, api)
            async with session(project.root, api, wire) as one:
                live = next(live for live in await one.read() if live.raw["name"] == "Tutor")
                path = f"/{api}/{live.id}"
                edit = {"metadata": {**live.raw["metadata"], "note": "by hand"}, "instructions": "Edited by hand now."}
                await http(one).write("POST", path, edit)
                plan = await one.plan()
                (change,) = plan.pending
                (field,) = change.fields
                assert (field.name, field.origin) == ("instructions", "account")
            await converge(project, wire, api)
            async with session(project.root, api, wire) as one:
                assert (await http(one).get(path)).data["metadata"]["note"] == "by hand"

    asyncio.run(walk())


def test_two_live_objects_with_one_address_are_both_named_and_one_goes_with_consent(project: Project) -> None:
    async def twin() -> tuple[str, str]:
        folder = project.root / ".deployer" / "account"
        async with embedded(folder) as wire, session(project.root, "assistants", wire) as one:
            await apply(one)
            live = next(live for live in await one.read() if live.kind == "assistant")
            body = {"model": "m", "metadata": live.raw["metadata"]}
            copy = (await http(one).write("POST", "/assistants", body)).data
        return live.id, copy["id"]

    project.manifest("assistants: {a: {model: m}}")
    first, second = asyncio.run(twin())
    commands = (["plan"], ["apply", "--yes"], ["outputs"], ["drift"], ["adopt", "assistant/a", second])
    for command in commands:
        result = project.run(*command)
        assert result.code == 1, command
        assert first in result.out + result.err
        assert second in result.out + result.err
    with pytest.raises(ProblemsFound, match=f"{first}.*{second}|{second}.*{first}"):
        deployer.Project.load().chat("a", "Hello")
    assert project.run("apply", "--yes", "--prune").code == 0
    assert "both carry" not in project.run("plan").out
