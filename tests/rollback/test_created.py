"""deployer rollback deletes what the run made, and nothing that only has its address."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from deployer.apply.execute import execute
from deployer.commands.carry_out import tell
from deployer.model import Outcome, Plan
from deployer.project import Project as Library
from deployer.project.applying import ApplyOptions, recorded, secured
from deployer.project.events import ignore
from deployer.project.session import Session
from deployer.server import EmbeddedAccount
from tests.commands.test_drift import ask, ids
from tests.support.killed import Door, served
from tests.support.live import Wire
from tests.support.project import Project
from tests.support.rollback import account, rolled_back, run, snapshots, unrecorded
from tests.support.tool import Running, Tool
from tests.support.whole import HEADERS, Whole

ONE = "assistants: {x: {model: m}}\n"
TWO = "assistants: {x: {model: m}, y: {model: m}}\n"
IN_A_ROW = """
vector_stores: {docs: {name: Docs}}
assistants: {x: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}
"""
INFERRED = "its run did not live to record it"
Between = Callable[[Session, Plan], Awaitable[object]]


async def nothing(_session: Session, _plan: Plan) -> None:
    """Nobody else is at work."""


def apply(
    project: Project, between: Between = nothing, *, note: bool = True, account: str | None = None
) -> tuple[Outcome, ...]:
    """Apply, with something that happens while the plan is looked at; without a note, it is killed at its end."""

    async def applied() -> tuple[Outcome, ...]:
        async with Library.load(project.root / "assistants.yaml", account=account).open() as session:
            plan = await session.plan()
            await between(session, plan)
            written = await secured(session, plan, ApplyOptions())
            outcomes = await execute(session.account, plan, session.manifest.root, lambda _event: None)
            if note:
                recorded(session, written, outcomes, ignore)
            return outcomes

    return asyncio.run(applied())


async def made_by_another(session: Session, plan: Plan) -> None:
    """Another run applies the same plan."""
    await execute(session.account, plan, session.manifest.root, lambda _event: None)


@pytest.mark.parametrize("note", (True, False))
def test_what_another_run_made_while_this_one_waited_stays(project: Project, *, note: bool) -> None:
    """`deployer apply || deployer rollback`: the create is refused, or the run is killed before it comes to it."""
    project.manifest(ONE)
    (outcome,) = apply(project, made_by_another, note=note)
    assert "came into being since the plan was made" in outcome.why
    theirs = ids(project)["assistant/x"]
    said = "is not what the run created" if note else "was there before the run that was to create it"
    assert f"warning: assistant/x: stays: {theirs} {said}" in rolled_back(project)
    assert ids(project) == {"assistant/x": theirs}


@pytest.mark.parametrize("note", (True, False))
def test_what_was_made_is_deleted_and_an_inference_is_said_to_be_one(project: Project, *, note: bool) -> None:
    project.manifest(TWO)
    apply(project, note=note)
    assert [change.get("made") for change in changes(project)] == (list(ids(project).values()) if note else [None] * 2)
    said = rolled_back(project)
    assert (INFERRED in said, "2 to delete" in said) == (not note, True)
    assert account(project) == Whole([], [], {}, {})


def changes(project: Project) -> list[Mapping[str, Any]]:
    data = json.loads(snapshots(project)[-1].read_text(encoding="utf-8"))
    return sorted(data["changes"], key=lambda change: str(change["address"]))


def test_apply_and_rollback_note_what_they_made(project: Project) -> None:
    project.manifest(ONE)
    run(project, "apply", "--yes")
    (made,) = ids(project).values()
    assert [change["made"] for change in changes(project)] == [made]
    project.manifest("assistants: {}\n")
    run(project, "apply", "--yes", "--prune")
    assert ["made" in change for change in changes(project)] == [False]
    run(project, "rollback", "--yes")
    assert [change["made"] for change in changes(project)] == [one["id"] for one in account(project).assistants]


def test_what_took_the_place_of_what_was_made_stays(project: Project) -> None:
    project.manifest(ONE)
    apply(project)
    (first,) = account(project).assistants
    ask(project, "DELETE", f"/assistants/{first['id']}")
    second = ask(project, "POST", "/assistants", {"model": "m", "metadata": first["metadata"]})["id"]
    assert f"stays: {second} is not what the run created" in rolled_back(project)
    assert ids(project) == {"assistant/x": second}


def test_what_was_made_is_found_where_another_machine_moved_it(project: Project) -> None:
    project.manifest(ONE)
    apply(project)
    project.manifest("moved: [{from: assistant/x, to: assistant/z}]\nassistants: {z: {model: m}}\n")
    apply(project)
    snapshots(project)[1].unlink()
    assert "- assistant/z" in rolled_back(project)
    assert account(project) == Whole([], [], {}, {})


def test_two_that_were_made_at_one_address_one_after_the_other(project: Project) -> None:
    project.manifest(ONE)
    apply(project)
    first = ids(project)["assistant/x"]
    project.manifest("moved: [{from: assistant/x, to: assistant/z}]\nassistants: {z: {model: m}}\n")
    apply(project)
    project.manifest("assistants: {x: {model: m}, z: {model: m}}\n")
    apply(project)
    assert ids(project)["assistant/z"] == first
    snapshots(project)[1].unlink()
    rolled_back(project, 0)
    assert account(project) == Whole([], [], {}, {})


def test_a_later_snapshot_of_what_the_run_did_not_make_is_what_it_goes_back_to(project: Project) -> None:
    project.manifest(ONE)
    apply(project, made_by_another)
    project.manifest(ONE.replace("m}", "n}"))
    apply(project)
    rolled_back(project, 0)
    assert [one["model"] for one in account(project).assistants] == ["m"]


def test_what_the_next_run_changed_is_followed_through_its_snapshot(project: Project) -> None:
    project.manifest(ONE)
    apply(project, note=False)
    project.manifest(ONE.replace("m}", "n}"))
    apply(project)
    assert INFERRED in rolled_back(project, 0)
    assert account(project) == Whole([], [], {}, {})


def test_a_rollback_of_a_rollback_of_a_rollback(project: Project) -> None:
    """What each of them made again has another id; each way back deletes or restores just that."""
    project.manifest(TWO)
    run(project, "apply", "--yes")
    project.manifest(ONE)
    run(project, "apply", "--yes", "--prune")
    for there in ("xy", "x", "xy"):
        run(project, "rollback", "--yes")
        assert sorted(one["metadata"]["deployer"][-1] for one in account(project).assistants) == list(there)
    rolled_back(project, 0)
    assert account(project) == Whole([], [], {}, {})


@pytest.mark.parametrize("ours", (True, False))
def test_a_stamp_of_another_commit_is_another_runs(project: Project, *, ours: bool) -> None:
    project.manifest(ONE)
    apply(project, note=False)
    (first,) = account(project).assistants
    if not ours:
        metadata = {**first["metadata"], "deployer_origin": "abc"}
        ask(project, "POST", f"/assistants/{first['id']}", {"metadata": metadata})
    said = rolled_back(project)
    assert (f"stays: {first['id']} carries the stamp of another run (commit abc)" in said) is not ours
    assert bool(ids(project)) is not ours


def test_a_snapshot_of_an_older_version_is_read_and_what_it_does_not_tell_is_inferred(project: Project) -> None:
    project.manifest(ONE)
    apply(project)
    unrecorded(project)
    (path,) = snapshots(project)
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["there"]
    path.write_text(json.dumps(data), encoding="utf-8")
    assert INFERRED in rolled_back(project)
    assert account(project) == Whole([], [], {}, {})


def test_a_note_that_cannot_be_written_does_not_undo_the_run(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.manifest(ONE)

    async def disk() -> None:
        async with Library.load().open() as session:
            plan = await session.plan()
            written = await secured(session, plan, ApplyOptions())
            outcomes = await execute(session.account, plan, session.manifest.root, lambda _event: None)
            (path,) = snapshots(project)
            (path.parent / "kept").mkdir()
            path.rename(path.parent / "kept" / path.name)
            path.mkdir()
            recorded(session, written, outcomes, tell)
            path.rmdir()
            (path.parent / "kept" / path.name).rename(path)

    asyncio.run(disk())
    assert "does not say what this run created: a rollback infers it" in capsys.readouterr().err
    assert INFERRED in rolled_back(project)


@dataclass
class Far:
    """An account behind a URL: requests to it can be refused, and the tool can be killed at one of them."""

    url: str
    wire: Wire
    door: Door

    def ask(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx2.request(method, self.url + path, json=body, headers=HEADERS, trust_env=False)
        return answer.raise_for_status().json()

    @property
    def there(self) -> list[str]:
        return [row["id"] for row in self.ask("GET", "/assistants")["data"]]


@pytest.fixture
def far(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    monkeypatch.setenv("TOOL_KEY", "any")
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "served")
    with EmbeddedAccount(project.root / "far") as there:
        wire = Wire(there.app)
        door = Door(wire)
        with served(door) as url:
            yield Far(url, wire, door)


def declare(project: Project, far: Far, text: str) -> None:
    account = f"{{api: assistants, base_url: '{far.url}', api_key: '${{env.TOOL_KEY}}', list_lag: 0.5}}"
    project.manifest(f"accounts: {{served: {account}}}\n{text}")


def test_what_somebody_adopted_after_the_create_failed_stays(project: Project, far: Far) -> None:
    declare(project, far, ONE)
    far.wire.fails = lambda _number, request: request == "POST /assistants"
    (outcome,) = apply(project, account="served")
    assert "out of order" in outcome.why
    far.wire.fails = lambda _number, _request: False
    prod = far.ask("POST", "/assistants", {"model": "m", "name": "Prod"})["id"]
    run(project, "adopt", "assistant/x", "--name", "Prod", "--yes")
    run(project, "rollback", snapshots(project)[0].stem, "--yes")
    assert far.there == [prod]


def test_what_a_killed_run_made_is_found(project: Project, far: Far, started: Tool) -> None:
    """It is killed in the middle of its second create, which is carried out or not."""
    declare(project, far, IN_A_ROW)
    theirs = far.ask("POST", "/assistants", {"model": "m", "name": "Somebody's"})["id"]
    running: list[Running] = []

    def strike(_number: int, request: str) -> bool:
        if running and request == "POST /assistants":
            running[0].signal(signal.SIGKILL)
        return False

    far.wire.fails = strike
    running.append(started.start(project.root, "apply", "--yes", "--account", "served"))
    assert running[0].wait()[0] == -signal.SIGKILL
    running.clear()
    far.door.settle()
    assert len(far.ask("GET", "/vector_stores")["data"]) == 1
    assert INFERRED in rolled_back(project)
    assert far.ask("GET", "/vector_stores")["data"] == []
    assert far.there == [theirs]
