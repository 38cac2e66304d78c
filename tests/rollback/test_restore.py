"""deployer rollback: whatever an apply did, the account is again as it was; the manifest of then has nothing to do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.apply.execute import execute
from deployer.engine import plan
from deployer.engine.draft import Scope
from deployer.kinds import Kind, kinds_of
from deployer.model import Address, Attrs, Create, LiveObject, Plan, Resource, Status, Target, Update
from deployer.project import PlanOptions
from deployer.project.undo import plan_rollback
from deployer.rollback import restore, snapshot
from tests.commands.test_drift import ask, ids
from tests.support import strategies
from tests.support.live import apply, embedded, session
from tests.support.project import Project
from tests.support.rollback import NEW, account, run, snapshots, unrecorded, write_new, write_old
from tests.support.whole import Whole

ROOT = Path(__file__).parent.parent.parent


def test_back_from_any_apply_with_the_manifest_of_then_in_the_working_tree(project: Project) -> None:
    write_old(project)
    run(project, "apply", "--yes")
    before = account(project)
    write_new(project)
    run(project, "apply", "--yes", "--prune")
    write_old(project)
    result = run(project, "rollback", "--yes")
    assert "; deployer plan shows how git differs." in result.out
    assert account(project).told == before.told
    assert account(project).unheld == set()
    assert run(project, "plan", "--exit-code").code == 0, "the manifest of then has nothing to do"


def test_a_rollback_can_be_rolled_back(moved_on: Project) -> None:
    before = account(moved_on)
    write_old(moved_on)
    run(moved_on, "rollback", "--yes")
    write_new(moved_on)
    run(moved_on, "rollback", "--yes")
    assert account(moved_on).told == before.told
    assert run(moved_on, "plan", "--exit-code").code == 0


def test_the_first_apply_is_undone_by_deleting_what_it_made(project: Project) -> None:
    write_old(project)
    run(project, "apply", "--yes")
    result = run(project, "rollback", "--yes")
    assert "3 to delete" in result.out
    assert account(project) == Whole([], [], {}, {})


def test_an_older_snapshot_undoes_everything_since(moved_on: Project) -> None:
    moved_on.manifest(NEW.replace("Be brief.", "Be long."))
    run(moved_on, "apply", "--yes")
    first = snapshots(moved_on)[0]
    run(moved_on, "rollback", first.stem, "--yes")
    assert account(moved_on) == Whole([], [], {}, {})


def test_from_the_account_alone_where_the_working_tree_has_nothing(project: Project) -> None:
    """Another store holds the same document, so its File object is still there."""
    project.write("docs/a.md", "shared")
    both = "vector_stores: {one: {files: [docs/**]}, two: {files: [docs/**]}}\n"
    project.manifest(both)
    run(project, "apply", "--yes")
    before = account(project)
    project.manifest("vector_stores: {one: {}, two: {files: [docs/**]}}\n")
    run(project, "apply", "--yes")
    (project.root / "docs/a.md").unlink()
    project.manifest("")
    result = run(project, "rollback", "--yes")
    assert "nothing to upload" in result.out
    assert account(project).told == before.told


def test_a_document_is_found_in_the_working_tree_under_any_name(project: Project) -> None:
    project.write("docs/a.md", "the content of then")
    project.manifest("vector_stores: {docs: {files: [docs/**]}}\n")
    run(project, "apply", "--yes")
    before = account(project)
    project.write("archive/old.txt", "the content of then")
    project.write("docs/a.md", "of now")
    run(project, "apply", "--yes")
    run(project, "rollback", "--yes")
    assert account(project).told == before.told


def test_fields_that_nobody_declared_come_back_when_the_apply_changed_them(project: Project) -> None:
    project.manifest("assistants: {tutor: {model: m, name: Tutor}}\n")
    run(project, "apply", "--yes")
    live = ids(project)["assistant/tutor"]
    ask(project, "POST", f"/assistants/{live}", {"description": "By hand", "instructions": "By hand too"})
    project.manifest("assistants: {tutor: {model: m, name: Tutor, description: Declared}}\n")
    run(project, "apply", "--yes", "--on-drift", "overwrite")
    ask(project, "POST", f"/assistants/{live}", {"instructions": "Later by hand"})
    run(project, "rollback", "--yes")
    found = ask(project, "GET", f"/assistants/{live}")
    assert found["description"] == "By hand"
    assert found["instructions"] == "Later by hand", "what was never declared is nobody's to change"
    project.manifest("assistants: {tutor: {model: m, name: Tutor}}\n")
    assert run(project, "plan", "--exit-code").code == 0


def test_only_what_is_declared_changed(project: Project) -> None:
    """To declare the value that a field has anyway changes the stamp alone; so does the way back."""
    project.manifest("assistants: {tutor: {model: m}}\n")
    run(project, "apply", "--yes")
    before = account(project)
    project.manifest("assistants: {tutor: {model: m, name: A}}\n")
    run(project, "apply", "--yes")
    live = ids(project)["assistant/tutor"]
    ask(project, "POST", f"/assistants/{live}", {"name": None})
    result = run(project, "rollback", "--yes")
    assert "what is declared of it" in result.out
    assert account(project).told == before.told


def test_an_edit_on_the_account_since_stops_the_rollback(moved_on: Project) -> None:
    live = ids(moved_on)["assistant/tutor"]
    ask(moved_on, "POST", f"/assistants/{live}", {"model": "by-hand"})
    result = moved_on.run("rollback", "--yes")
    assert result.code == 1
    assert "assistant/tutor.model: git says" in result.err
    assert ask(moved_on, "GET", f"/assistants/{live}")["model"] == "by-hand"
    write_old(moved_on)
    run(moved_on, "rollback", "--yes", "--on-drift", "keep")
    assert ask(moved_on, "GET", f"/assistants/{live}")["model"] == "by-hand"
    assert ask(moved_on, "GET", f"/assistants/{live}")["name"] == "Tutor"


def test_an_address_that_moved_moves_back(project: Project) -> None:
    project.manifest("assistants: {tutor: {model: m}}\n")
    run(project, "apply", "--yes")
    before = account(project)
    project.manifest("moved: [{from: assistant/tutor, to: assistant/teacher}]\nassistants: {teacher: {model: m}}\n")
    run(project, "apply", "--yes")
    run(project, "rollback", "--yes")
    assert account(project) == before


def test_what_is_protected_or_used_by_others_stays(project: Project) -> None:
    project.manifest("vector_stores: {docs: {}}\nassistants: {tutor: {model: m, protect: true}}\n")
    run(project, "apply", "--yes")
    store = ids(project)["vector_store/docs"]
    body = {"model": "m", "tools": [{"type": "file_search"}]}
    ask(project, "POST", "/assistants", {**body, "tool_resources": {"file_search": {"vector_store_ids": [store]}}})
    result = run(project, "rollback", "--yes")
    assert "assistant/tutor: was created since, but stays: it is protected" in result.out
    assert "vector_store/docs: was created since, but stays: it is in use by assistant asst_" in result.out
    assert len(account(project).assistants) == 2


def test_agents_come_back_too(project: Project) -> None:
    agents = "accounts: {here: {api: agents}}\n"
    function = "tools: [{type: function, name: show, description: Shows}]"
    project.manifest(f"{agents}assistants: {{tutor: {{model: m, name: Old, reasoning_effort: low, {function}}}}}\n")
    run(project, "apply", "--yes", "--account", "here")
    before = account(project)
    project.manifest(f"{agents}assistants: {{other: {{model: m}}}}\n")
    run(project, "apply", "--yes", "--prune", "--account", "here")
    run(project, "rollback", "--yes", "--account", "here")
    assert account(project).told == before.told


TABLE = "assistants: {tutor: {model: m, name: NAME, tools: [{type: code_interpreter, files: [data/*.csv]}]}}\n"


def test_a_file_of_the_code_interpreter_whose_content_nobody_knows_stays(project: Project) -> None:
    """The working tree has moved on, and this account does not let its files be read."""

    async def walk() -> None:
        async with embedded(project.root / "account") as wire:
            project.write("data/a.csv", "of then")
            project.manifest(TABLE.replace("NAME", "Old"))
            async with session(project.root, "assistants", wire) as one:
                await apply(one)
                (before,) = await one.read()
            project.manifest(TABLE.replace("NAME", "New"))
            async with session(project.root, "assistants", wire) as one:
                data = snapshot.take(await one.plan(), "apply", "")
                await apply(one)
            project.write("data/a.csv", "of now")
            wire.fails = lambda _number, request: request.endswith("/content")
            async with session(project.root, "assistants", wire) as one:
                back = (await plan_rollback(one, list(snapshot.entries(data)), PlanOptions())).plan
                (outcome,) = await execute(one.account, back, project.root, lambda _event: None)
                assert (outcome.status, back.problems) == (Status.DONE, ())
                (after,) = await one.read()
                assert after.raw == before.raw
                assert (await plan_rollback(one, list(snapshot.entries(data)), PlanOptions())).plan.pending == ()

    asyncio.run(walk())


def test_a_store_that_had_expired_does_not_come_back(project: Project) -> None:
    project.manifest("vector_stores: {docs: {name: Old}}\n")
    run(project, "apply", "--yes")
    project.manifest("vector_stores: {docs: {name: New}}\n")
    run(project, "apply", "--yes")
    path = snapshots(project)[-1]
    data = json.loads(path.read_text(encoding="utf-8"))
    data["changes"][0]["object"]["status"] = "expired"
    path.write_text(json.dumps(data), encoding="utf-8")
    before = account(project)
    result = run(project, "rollback", "--yes")
    assert "vector_store/docs: had expired, or was a second copy" in result.out
    assert account(project) == before


def _resolved(kind: Kind, live: LiveObject) -> dict[str, Any]:
    """What it says, with the API's default where it says nothing: a field inside an object may be left out of it."""
    return {**kind.defaults, **kind.canonical(live.raw, {})}


@pytest.mark.parametrize("api", ("assistants", "agents"))
@given(old=strategies.assistants, new=strategies.assistants, protect=st.booleans())
def test_whatever_changed_the_rollback_restores_the_object_and_its_stamp(
    api: str, old: Attrs, new: Attrs, *, protect: bool
) -> None:
    kinds = kinds_of(api)
    kind, address = kinds["assistant"], Address("assistant", "tutor")
    scope = Scope("test", Target("test", api, ""), kinds, "abc")
    fresh = kind.wire({name: value for name, value in kind.defaults.items() if name != "model"}, None).fields

    def plan_of(attrs: Attrs, live: Sequence[LiveObject]) -> Plan:
        return plan.build(replace(scope, origin=attrs["model"]), [Resource(address, attrs, protect=protect)], live)

    def done(made: Plan, before: LiveObject | None) -> LiveObject:
        raw = dict(before.raw) if before else {"id": "asst_1", "created_at": 1, **fresh}
        for one in (one for change in made.pending for one in change.operations):
            assert isinstance(one, Create | Update)
            raw |= one.body
        return LiveObject("assistant", "asst_1", raw)

    first = done(plan_of(old, []), None)
    onwards = plan_of(new, [first])
    entries = list(snapshot.entries(json.loads(json.dumps(snapshot.take(onwards, "apply", "")))))
    second = done(onwards, first)
    back = restore.plan_rollback(scope, entries, [second], restore.ContentSources()).plan
    third = done(back, second)
    assert _resolved(kind, third) == _resolved(kind, first)
    assert restore.plan_rollback(scope, entries, [third], restore.ContentSources()).plan.pending == ()
    assert plan_of(old, [third]).pending == ()
    gone = restore.plan_rollback(scope, entries, [], restore.ContentSources()).plan
    if entries:
        again = done(gone, None)
        assert _resolved(kind, again) == _resolved(kind, first)
        assert restore.plan_rollback(scope, entries, [again], restore.ContentSources()).plan.pending == ()


def test_copies_that_a_race_made_go_with_what_was_made(project: Project) -> None:
    """Where the run did not live to note what it made: else the copy stays, and is named."""
    project.manifest("assistants: {tutor: {model: m}}\n")
    run(project, "apply", "--yes")
    unrecorded(project)
    (first,) = account(project).assistants
    ask(project, "POST", "/assistants", {"model": "m", "metadata": first["metadata"]})
    assert "2 to delete" in run(project, "rollback", "--yes").out
    assert account(project) == Whole([], [], {}, {})


def test_what_failed_on_the_way_is_done_by_the_same_snapshot(moved_on: Project) -> None:
    """What the account refuses is told with the name to go on with: without one it would go back to before itself."""
    write_old(moved_on)
    name = snapshots(moved_on)[-1].stem
    path = snapshots(moved_on)[-1]
    good = path.read_bytes()
    data = json.loads(good)
    for change in data["changes"]:
        if change["address"] == "assistant/leaving":
            change["object"]["temperature"] = 99
    path.write_text(json.dumps(data), encoding="utf-8")
    result = moved_on.run("rollback", "--yes")
    assert result.code == 1
    assert f"Run deployer rollback {name} again to do what is left." in result.out
    path.write_bytes(good)
    run(moved_on, "rollback", name, "--yes")
    assert run(moved_on, "plan", "--exit-code").code == 0


def test_from_a_file_that_only_somebody_else_still_holds(project: Project) -> None:
    project.write("docs/a.md", "shared")
    project.manifest("vector_stores: {docs: {files: [docs/**]}}\n")
    run(project, "apply", "--yes")
    (file_id,) = account(project).files
    by_hand = ask(project, "POST", "/vector_stores", {"name": "By hand", "file_ids": [file_id]})["id"]
    while ask(project, "GET", f"/vector_stores/{by_hand}")["status"] != "completed":
        time.sleep(0.01)
    before = account(project)
    project.manifest("vector_stores: {docs: {}}\n")
    run(project, "apply", "--yes")
    (project.root / "docs/a.md").unlink()
    assert "nothing to upload" in run(project, "rollback", "--yes").out
    assert account(project).told == before.told


def test_many_deletes_need_to_be_meant_but_few_of_many_do_not(project: Project) -> None:
    many = "assistants:\n" + "".join(f"  a{n}: {{model: m}}\n" for n in range(40))
    project.manifest(many)
    run(project, "apply", "--yes")
    first = snapshots(project)[0].stem
    project.manifest(many + "".join(f"  b{n}: {{model: m}}\n" for n in range(12)))
    run(project, "apply", "--yes")
    assert "12 to delete, 40 unchanged" in run(project, "rollback", "--yes").out
    refused = project.run("rollback", first, "--yes")
    assert refused.code == 1
    assert "add --force prune-limit" in refused.err
    run(project, "rollback", first, "--yes", "--force", "prune-limit")
    assert account(project) == Whole([], [], {}, {})
