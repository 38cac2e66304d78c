"""What one snapshot holds, and how it says what its run created."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from deployer.engine import stamp
from deployer.model import Action, Address, LiveObject, Outcome, Plan, Status
from deployer.rollback import snapshot
from deployer.rollback.snapshot import CLOCK_SKEW, Entry, Run
from tests.support.memory import MemoryAccount, Story, assistant, document, store, using

TIME = 1_700_000_000
RUN = Run("apply", str(TIME), "abc1234", frozenset({"asst_there"}))
OWN = {"deployer": "test/assistant/x", "deployer_origin": "abc1234"}


def raw(created: Any = TIME, **metadata: str) -> dict[str, Any]:
    return {"created_at": created, "metadata": metadata or OWN}


@pytest.mark.parametrize(
    ("live_id", "found", "why"),
    (
        ("asst_1", raw(), ""),
        ("asst_there", raw(), "was there before the run that was to create it"),
        ("asst_1", raw(TIME - CLOCK_SKEW), ""),
        ("asst_1", raw(TIME - CLOCK_SKEW - 1), "is older than the run that was to create it"),
        ("asst_1", raw("never"), ""),
        ("asst_1", raw(None), ""),
        ("asst_1", raw(deployer_origin="fff"), "carries the stamp of another run (commit fff)"),
        ("asst_1", raw(deployer="x"), "carries the stamp of another run (outside git)"),
        ("asst_1", {"metadata": None}, "carries the stamp of another run (outside git)"),
        ("asst_1", {}, "carries the stamp of another run (outside git)"),
    ),
)
def test_what_rules_an_object_out(live_id: str, found: Mapping[str, Any], why: str) -> None:
    assert RUN.excludes(live_id, found) == why


def test_a_run_whose_time_is_none_rules_out_by_its_commit_only() -> None:
    assert Run("apply", "", "abc1234").excludes("asst_1", raw(1)) == ""


def test_outside_git_there_is_no_commit_to_compare() -> None:
    assert Run("apply", str(TIME), "").excludes("asst_1", raw(deployer="test/assistant/x")) == ""


def test_a_rollback_writes_the_stamps_of_other_runs() -> None:
    assert Run("rollback", str(TIME), "abc1234").excludes("asst_1", raw(deployer_origin="fff")) == ""


def entry(**fields: Any) -> Entry:
    return Entry(Address("assistant", "x"), Action.CREATE, None, None, **fields)


def test_what_was_recorded_needs_no_inference() -> None:
    assert entry(created="asst_1", runs=(RUN,)).excludes("asst_1", raw(1)) == ""
    assert entry(created="asst_1").excludes("asst_2", raw()) == "is not what the run created"
    assert entry(created="").excludes("asst_2", raw()) == "is not what the run created"


def test_one_of_several_runs_is_enough() -> None:
    later = Run("apply", str(TIME + 10_000), "abc1234")
    assert entry(runs=(later,)).excludes("asst_1", raw()) == "is older than the run that was to create it"
    assert entry(runs=(later, RUN)).excludes("asst_1", raw()) == ""
    assert entry().excludes("asst_1", raw()) == ""


def test_an_entry_knows_its_previous_address() -> None:
    own = stamp.read({"deployer": "test/assistant/old"})
    assert entry(stamp=own).previous == Address("assistant", "old")
    assert entry(stamp=own, foreign=True).previous == Address("assistant", "x")
    assert entry().previous == Address("assistant", "x")
    assert entry().metadata == {}
    assert Entry(Address("assistant", "x"), Action.UPDATE, "a", {"metadata": {"k": "v"}}).metadata == {"k": "v"}


def test_a_second_copy_has_a_number_in_its_address() -> None:
    assert Entry(Address("assistant", "x#asst_2"), Action.DELETE, "asst_2", {}).copy
    assert not entry().copy


def planned() -> tuple[Story, Plan]:
    """Plan for a project whose store exists and changes, and whose assistant is new."""
    story = Story()
    story.apply(store("docs", document("docs/a.md", "a", level=1), name="Docs"))
    story.account.members[next(iter(story.account.objects))]["file_foreign"] = {"attributes": {"own": 1}}
    story.account.files["file_foreign"] = document("theirs.md", "t")
    docs = store("docs", document("docs/b.md", "b"), name="Documents")
    table = document("data/t.csv", "t")
    return story, story.plan(docs, assistant("tutor", table, tools=[*using("docs"), {"type": "code_interpreter"}]))


def test_it_holds_what_is_about_to_change_as_it_is() -> None:
    story, wanted = planned()
    (live,) = story.account.live()
    data = json.loads(json.dumps(snapshot.take(wanted, "apply", str(story.account.clock), wanted.live)))
    assert {name: data[name] for name in ("version", "project", "account", "command", "time", "origin")} == {
        "version": 1,
        "project": "test",
        "account": {"name": "here", "api": "assistants", "base_url": ""},
        "command": "apply",
        "time": str(story.account.clock),
        "origin": "abc1234",
    }
    assert data["there"] == [live.id]
    changes = {change["address"]: change for change in data["changes"]}
    created = changes["assistant/tutor"]
    table = document("data/t.csv", "t")
    assert {name: created[name] for name in ("action", "id", "object", "files")} == {
        "action": "create",
        "id": None,
        "object": None,
        "files": [],
    }
    assert created["uploads"] == [{"path": table.path, "sha256": table.sha256, "size": 1}]
    changed = changes["vector_store/docs"]
    assert (changed["action"], changed["id"], changed["object"]) == ("update", live.id, live.raw)
    own, foreign = changed["files"]
    a = document("docs/a.md", "a")
    assert own == {
        "id": live.files[0].id,
        "path": "docs/a.md",
        "sha256": a.sha256,
        "size": 1,
        "status": "completed",
        "created_at": 1,
        "chunking": None,
        "attributes": {"level": 1},
        "declared": dict(live.files[0].declared),
    }
    assert own["declared"]
    assert {name: foreign[name] for name in ("id", "path", "sha256", "size", "attributes", "declared")} == {
        "id": "file_foreign",
        "path": None,
        "sha256": None,
        "size": None,
        "attributes": {"own": 1},
        "declared": {},
    }


def test_what_is_read_is_what_was_written() -> None:
    story, wanted = planned()
    (live,) = story.account.live()
    time = str(story.account.clock)
    data = json.loads(json.dumps(snapshot.take(wanted, "apply", time, wanted.live)))
    docs, tutor = sorted(snapshot.entries(data), key=lambda one: one.address.kind, reverse=True)
    assert (docs.address, docs.action, docs.id, docs.raw) == (
        Address("vector_store", "docs"),
        "update",
        live.id,
        live.raw,
    )
    assert docs.files == live.files
    assert docs.stamp == stamp.read(live.raw["metadata"])
    assert (docs.created, docs.foreign) == (None, False)
    assert docs.runs == (Run("apply", time, "abc1234", frozenset({live.id})),)
    assert (tutor.address, tutor.action, tutor.id, tutor.raw, tutor.files) == (
        Address("assistant", "tutor"),
        "create",
        None,
        None,
        (),
    )
    assert (tutor.stamp, tutor.foreign) == (None, False)


@pytest.mark.parametrize(
    ("owner", "foreign"),
    (
        ("test/assistant/x", False),
        ("other/assistant/x", True),
        ("test/vector_store/x", True),
        ("nonsense", True),
        (None, True),
    ),
)
def test_what_is_not_of_the_project_is_foreign(owner: str | None, *, foreign: bool) -> None:
    change = {"address": "assistant/x", "action": "adopt", "id": "a", "object": {"metadata": {"deployer": owner}}}
    data = {"command": "adopt", "time": "", "origin": "", "project": "test", "changes": [{**change, "files": []}]}
    (found,) = snapshot.entries(data)
    assert found.foreign is foreign
    assert found.runs[0].present == frozenset()


def test_the_young_are_listed_only_where_something_is_created() -> None:
    old = LiveObject("assistant", "asst_old", {"created_at": TIME - CLOCK_SKEW - 1, "metadata": {}})
    edge = LiveObject("assistant", "asst_edge", {"created_at": TIME - CLOCK_SKEW, "metadata": {}})
    odd = LiveObject("assistant", "asst_odd", {"created_at": "?", "metadata": {}})
    story = Story()
    wanted = story.plan(assistant("x"))
    assert snapshot.take(wanted, "apply", str(TIME), [old, odd, edge])["there"] == ["asst_edge", "asst_odd"]
    assert snapshot.take(wanted, "apply", "?", [old])["there"] == ["asst_old"]
    story.apply(assistant("x"))
    assert snapshot.take(story.plan(assistant("x", name="X")), "apply", str(TIME), [edge])["there"] == []
    assert snapshot.take(story.plan(assistant("x", name="X")), "apply", str(TIME))["there"] == []


def test_file_objects_that_a_run_left_over_are_nothing_to_restore() -> None:
    story = Story()
    wanted = story.plan(left_over={"file_1": ""})
    assert [str(change.address) for change in wanted.pending] == ["file/file_1"]
    assert snapshot.take(wanted, "apply", "")["changes"] == []


def test_what_was_created_is_recorded() -> None:
    story = Story()
    story.apply(assistant("kept"))
    wanted = story.plan(assistant("kept", name="K"), assistant("a"), assistant("b"), assistant("c"), assistant("d"))
    data = snapshot.take(wanted, "apply", "")
    outcomes = [
        Outcome(Address("assistant", "kept"), Action.UPDATE, Status.DONE, live_id="asst_k"),
        Outcome(Address("assistant", "a"), Action.CREATE, Status.DONE, live_id="asst_a"),
        Outcome(Address("assistant", "b"), Action.CREATE, Status.FAILED),
        Outcome(Address("assistant", "c"), Action.REPLACE, Status.DONE, live_id="asst_before"),
    ]
    changes = snapshot.with_created(data, outcomes, {"asst_before"})["changes"]
    found = {change["address"]: change.get("made") for change in changes}
    assert found == {
        "assistant/kept": None,
        "assistant/a": "asst_a",
        "assistant/b": "",
        "assistant/c": "",
        "assistant/d": None,
    }
    assert all("made" not in change for change in data["changes"]), "the snapshot itself stays as it is"


def test_the_documents_that_were_there_or_about_to_be_sent() -> None:
    a, b = document("docs/a.md", "a"), document("docs/b.md", "b")
    whole = {"path": a.path, "sha256": a.sha256, "size": 0}
    changes = [
        {"files": [whole, {**whole, "path": None}, {**whole, "sha256": ""}, {**whole, "size": None}], "uploads": []},
        {"files": [], "uploads": [{"path": b.path, "sha256": b.sha256, "size": 1}]},
    ]
    found = list(snapshot.documents({"changes": changes}))
    assert found == [(a.path, a.sha256, 0), (b.path, b.sha256, 1)]


def test_an_account_in_memory_is_one() -> None:
    """What the laws are told on: what was made by hand is there, with what it holds."""
    account = MemoryAccount()
    live_id = account.make("assistant", {"name": "By hand"})
    assert [one.id for one in account.live()] == [live_id]
