"""What the plan of a rollback says and does, case by case, on an account in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import stamp, uploads
from deployer.model import (
    Action,
    Address,
    AttachFiles,
    DesiredFile,
    FileAction,
    Limits,
    LiveFile,
    OnDrift,
    Plan,
    Severity,
    UpdateFile,
    Upload,
)
from deployer.rollback import history, restore
from deployer.rollback.restore import ContentSources, MissingContent, RollbackPlan
from tests.support.memory import Story, assistant, document, moves, store, using

A_CSV, B_CSV = document("data/a.csv", "a"), document("data/b.csv", "b")
GIVE_WAY = "delete it, or move it to another address first"
INTERPRETER = [{"type": "code_interpreter"}]
RESTORED = "had expired, or was a second copy, at the time of the snapshot: it is not restored"


def changes(found: RollbackPlan) -> list[tuple[str, str, str]]:
    return [(str(one.address), one.action.value, str(one.reason)) for one in found.plan.changes]


def problems(found: RollbackPlan) -> list[tuple[str, str, str]]:
    """Return address, text and severity; each is shown as it is here."""
    return [(one.address, f"{one.message}|{one.remedy}", one.severity.value) for one in found.plan.problems]


def ids(story: Story) -> dict[str, str]:
    return {str(one.raw["metadata"].get("deployer")): live_id for live_id, one in story.account.objects.items()}


def change_of(found: Plan, address: str) -> Any:
    return next(one for one in found.changes if str(one.address) == address)


def test_what_was_created_is_deleted_after_those_who_use_it() -> None:
    story = Story()
    story.apply(store("s"), assistant("a", tools=using("s")), assistant("b", tools=using("s")))
    found = story.plan_back()
    assert changes(found) == [
        ("assistant/a", "delete", "was created since"),
        ("assistant/b", "delete", "was created since"),
        ("vector_store/s", "delete", "was created since"),
    ]
    gone = change_of(found.plan, "vector_store/s")
    assert gone.requires == (Address("assistant", "a"), Address("assistant", "b"))
    assert gone.live_id == ids(story)["test/vector_store/s"]
    assert all(change.reviewed for change in found.plan.changes)
    assert problems(found) == []


def test_what_is_inferred_says_so() -> None:
    story = Story()
    story.apply(assistant("a"), recorded=False)
    why = "was created since: its run did not live to record it, so it is inferred from its address and age"
    assert changes(story.plan_back()) == [("assistant/a", "delete", why)]


def test_what_is_protected_or_used_by_others_stays() -> None:
    story = Story()
    story.apply(store("s"), assistant("a", protect=True))
    used = {"file_search": {"vector_store_ids": [ids(story)["test/vector_store/s"]]}}
    users = [story.account.make("assistant", {"model": "m", "tool_resources": used}) for _ in range(2)]
    found = story.plan_back()
    assert changes(found) == [
        ("assistant/a", "no-op", "not changed since"),
        ("vector_store/s", "no-op", "not changed since"),
    ]
    assert problems(found) == [
        ("assistant/a", "was created since, but stays: it is protected|", "warning"),
        (
            "vector_store/s",
            f"was created since, but stays: it is in use by assistant {users[0]}, assistant {users[1]}|",
            "warning",
        ),
    ]
    assert found.plan.foreign == 2


def test_a_store_stays_with_a_protected_assistant_that_uses_it() -> None:
    story = Story()
    story.apply(store("s"), assistant("a", protect=True, tools=using("s")))
    live_id = ids(story)["test/assistant/a"]
    assert [why for _, why, _ in problems(story.plan_back())] == [
        "was created since, but stays: it is protected|",
        f"was created since, but stays: it is in use by assistant {live_id}|",
    ]


def test_an_assistant_that_is_restored_lets_go_of_a_store_first() -> None:
    story = Story()
    story.apply(store("old"), assistant("a", tools=using("old")))
    story.apply(store("old"), store("new"), assistant("a", tools=using("new")))
    found = story.plan_back()
    assert change_of(found.plan, "vector_store/new").requires == (Address("assistant", "a"),)
    assert change_of(found.plan, "assistant/a").requires == (Address("vector_store", "old"),)
    story.roll_back()


def test_the_plan_is_for_the_account_and_says_what_it_is_made_from() -> None:
    story = Story()
    story.apply(assistant("a"), assistant("b"))
    story.apply(assistant("a", name="A"), assistant("b"))
    story.account.make("assistant", {"model": "m"})
    scope = replace(story.scope(on_drift=OnDrift.KEEP, origin="1234567"), limits=Limits(1, 2, 3))
    entries = history.merged(story.chain[1:])
    found = restore.plan_rollback(scope, entries, story.account.live(), ContentSources()).plan
    assert (found.project, found.target, found.origin) == ("test", scope.target, "1234567")
    assert (found.limits, found.on_drift, found.foreign) == (Limits(1, 2, 3), OnDrift.KEEP, 1)
    assert (found.live, found.desired, found.prune) == (story.account.live(), (), False)
    live = ids(story)
    assert found.known == {"assistant/a": live["test/assistant/a"], "assistant/b": live["test/assistant/b"]}


def test_only_the_stamp_changes_back() -> None:
    story = Story()
    story.apply(assistant("a"), origin="1")
    story.apply(assistant("a", name="A"), origin="2")
    live_id = ids(story)["test/assistant/a"]
    story.account.edit(live_id, name=None)
    assert changes(story.plan_back()) == [("assistant/a", "update", "what is declared of it")]
    story.roll_back()
    metadata = story.account.objects[live_id].raw["metadata"]
    assert metadata["deployer_origin"] == "1"
    assert metadata["deployer_applied"] == story.chain[1]["changes"][0]["object"]["metadata"]["deployer_applied"]


def test_which_commit_wrote_the_same_stamp_does_not_count() -> None:
    story = Story()
    story.apply(assistant("a"), origin="1")
    story.apply(assistant("a", name="A"), origin="2")
    story.apply(assistant("a"), origin="3")
    assert [one for one in changes(story.plan_back(1)) if one[1] != "no-op"] == []


def test_fields_that_were_never_declared_are_left_alone() -> None:
    story = Story()
    story.apply(assistant("a", metadata={"mine": "1"}))
    live_id = ids(story)["test/assistant/a"]
    own = story.account.objects[live_id].raw["metadata"]
    story.account.edit(live_id, instructions="by hand", metadata={**own, "theirs": "1"})
    story.apply(assistant("a", name="A", description="D", metadata={"mine": "2"}))
    story.account.edit(
        live_id, instructions="later", metadata={**story.account.objects[live_id].raw["metadata"], "theirs": "2"}
    )
    story.roll_back()
    raw = story.account.objects[live_id].raw
    assert (raw["name"], raw["description"], raw["instructions"]) == (None, None, "later")
    assert (raw["metadata"]["mine"], raw["metadata"]["theirs"]) == ("1", "2")


def test_what_was_deleted_is_whole_again() -> None:
    """Also with what nobody declared, and with its protection."""
    story = Story()
    story.tree = [A_CSV]
    search = [{"type": "file_search", "vector_stores": ["vector_store/s"], "max_num_results": 3}, *INTERPRETER]
    story.apply(store("s", name="S"), assistant("a", A_CSV, tools=search, metadata={"mine": "1"}))
    live_id = ids(story)["test/assistant/a"]
    story.account.edit(live_id, instructions="by hand")
    before = story.state()
    story.apply()
    found = story.plan_back()
    assert [one for one in changes(found) if one[1] == "create"] == [
        ("vector_store/s", "create", "not on the account"),
        ("assistant/a", "create", "not on the account"),
    ]
    story.roll_back()
    assert story.state() == before


def test_a_protection_comes_back() -> None:
    story = Story()
    story.apply(assistant("a", protect=True))
    story.apply(assistant("a", name="A", protect=False))
    story.roll_back()
    assert "protect=1" in next(iter(story.account.objects.values())).raw["metadata"]["deployer_applied"]


def test_an_edit_since_is_a_conflict() -> None:
    story = Story()
    story.apply(assistant("a", name="A"))
    story.apply(assistant("a", name="B"))
    story.account.edit(ids(story)["test/assistant/a"], name="by hand")
    assert [(str(address), one.path) for address, one in story.plan_back().plan.conflicts] == [
        ("assistant/a", ("name",))
    ]
    assert story.plan_back(on_drift=OnDrift.KEEP).plan.conflicts == ()


# Addresses


def test_what_moved_goes_back_by_its_id_and_references_to_it_are_no_edits() -> None:
    story = Story()
    user = assistant("a", tools=using("old"))
    story.apply(store("old", name="S"), user)
    before = story.state()
    moved = tuple(moves(("vector_store/old", "vector_store/new")))
    story.apply(store("new", name="S"), assistant("a", tools=using("new")), moved=moved)
    found = story.plan_back()
    assert found.plan.conflicts == ()
    assert next(one for one in changes(found) if one[1] != "no-op") == (
        "vector_store/old",
        "update",
        "moved from vector_store/new",
    )
    story.roll_back()
    assert story.state() == before


def test_two_objects_never_get_one_address() -> None:
    story = Story()
    story.apply(assistant("a"))
    story.apply(assistant("b"), moved=tuple(moves(("assistant/a", "assistant/b"))))
    stranger = story.account.make("assistant", {"metadata": {"deployer": "test/assistant/a"}})
    found = story.plan_back()
    assert problems(found) == [
        (
            "assistant/a",
            f"{stranger} has this address now, but another object had it before, and two cannot|{GIVE_WAY}",
            "error",
        )
    ]
    assert (f"assistant/a#{stranger}", "no-op", "not changed since") in changes(found)
    restored = ids(story)["test/assistant/b"]
    assert found.plan.known == {"assistant/a": restored, f"assistant/a#{stranger}": stranger}


def test_of_several_at_one_address_the_oldest_has_it() -> None:
    story = Story()
    story.apply(assistant("a"))
    story.apply(assistant("a"), assistant("b"))
    first = ids(story)["test/assistant/a"]
    second = story.account.make("assistant", dict(story.account.objects[first].raw))
    found = story.plan_back()
    assert [one[:2] for one in changes(found)] == [
        ("assistant/a", "no-op"),
        (f"assistant/a#{second}", "no-op"),
        ("assistant/b", "delete"),
    ]
    assert found.plan.known["assistant/a"] == first


def test_a_copy_that_a_race_made_goes_with_what_was_created() -> None:
    story = Story()
    story.apply(assistant("a"), recorded=False)
    first = ids(story)["test/assistant/a"]
    second = story.account.make("assistant", dict(story.account.objects[first].raw))
    assert [one[:2] for one in changes(story.plan_back())] == [
        ("assistant/a", "delete"),
        (f"assistant/a#{second}", "delete"),
    ]


def test_what_only_has_the_address_of_what_was_created_stays() -> None:
    story = Story()
    story.apply(assistant("a"))
    first = ids(story)["test/assistant/a"]
    raw = story.account.objects.pop(first).raw
    second = story.account.make("assistant", dict(raw))
    found = story.plan_back()
    assert problems(found) == [("assistant/a", f"stays: {second} is not what the run created|", "warning")]
    assert changes(found) == [("assistant/a", "no-op", "not changed since")]


def test_what_was_followed_by_a_later_snapshot_and_is_gone_is_not_what_has_its_address() -> None:
    story = Story()
    story.apply(assistant("a"), recorded=False)
    story.apply(assistant("a", name="A"))
    raw = story.account.objects.pop(ids(story)["test/assistant/a"]).raw
    other = story.account.make("assistant", dict(raw))
    assert problems(story.plan_back(0)) == [("assistant/a", f"stays: {other} is not what the run created|", "warning")]


@pytest.mark.parametrize("pairs", ((("a", "b"),), (("a", "c"), ("c", "b")), (("a", "b"), ("b", "a"))))
def test_where_no_snapshot_tells_of_a_move_it_stays_and_is_named(pairs: tuple[tuple[str, str], ...]) -> None:
    story = Story()
    story.apply(assistant("a"), recorded=False)
    moved = tuple(moves(*((f"assistant/{old}", f"assistant/{new}") for old, new in pairs)))
    story.apply(assistant("b"), moved=tuple(moves(("assistant/a", "assistant/b"))))
    story.chain.pop()
    found = story.plan_back(0, moved=moved)
    said = "stays: it may be what was created as assistant/a and moved since, but no snapshot here says so|"
    circle = pairs[-1][1] == "a"
    assert problems(found) == ([] if circle else [("assistant/b", said, "warning")])
    assert changes(found) == [("assistant/b", "no-op", "not changed since")]


def test_where_its_run_recorded_nothing_there_is_nothing_to_name() -> None:
    story = Story()
    story.apply(assistant("a"))
    (live,) = story.account.objects.values()
    story.chain[0]["changes"][0]["made"] = ""
    story.account.edit(live.id, metadata={"deployer": "test/assistant/b"})
    assert problems(story.plan_back(0, moved=tuple(moves(("assistant/a", "assistant/b"))))) == []


# What had expired, and second copies


def test_what_had_expired_or_was_a_second_copy_is_not_restored() -> None:
    story = Story()
    story.apply(store("s", name="S"))
    story.apply(store("s", name="T"))
    story.chain[1]["changes"][0]["object"]["status"] = "expired"
    found = story.plan_back()
    assert problems(found) == [("vector_store/s", f"{RESTORED}|", "warning")]
    assert changes(found) == [("vector_store/s", "no-op", "not changed since")]
    story.chain[1]["changes"][0] |= {"address": "vector_store/s#x", "id": "x"}
    story.chain[1]["changes"][0]["object"]["status"] = "completed"
    assert problems(story.plan_back()) == [("vector_store/s#x", f"{RESTORED}|", "warning")]


def test_what_has_expired_since_is_made_again() -> None:
    story = Story()
    story.tree = [document("docs/a.md", "a")]
    story.apply(store("s", *story.tree, name="S"), assistant("a", tools=using("s")))
    story.apply(store("s", *story.tree, name="T"), assistant("a", tools=using("s")))
    live_id = ids(story)["test/vector_store/s"]
    story.account.edit(live_id, status="expired")
    found = story.plan_back()
    assert [one for one in changes(found) if one[0].startswith("vector_store")] == [
        ("vector_store/s", "replace", "it has expired"),
        (f"vector_store/s#{live_id}", "delete", "it has expired"),
    ]
    assert change_of(found.plan, f"vector_store/s#{live_id}").requires == (Address("vector_store", "s"),)
    assert "vector_store/s" not in found.plan.known
    replaced = change_of(found.plan, "vector_store/s")
    assert [one.action for one in replaced.files] == [FileAction.ADD]
    assert not any(isinstance(one, Upload) for one in replaced.operations), "its File object is still there"


def test_what_a_run_replaced_stays_away() -> None:
    story = Story()
    story.apply(store("s", name="S"))
    live_id = ids(story)["test/vector_store/s"]
    story.account.edit(live_id, status="expired")
    story.apply(store("s", name="S"))
    found = story.plan_back()
    assert problems(found)[0][:2] == ("vector_store/s", f"{RESTORED}|")
    assert [one for one in changes(found) if one[1] != "no-op"] == []


# What was foreign


def adopted(story: Story, live_id: str, *files: LiveFile) -> None:
    """Leave the snapshot of an adoption: the object as it is, foreign."""
    one = story.account.objects[live_id]
    shown = [
        {name: getattr(file, name) for name in ("id", "path", "sha256", "size", "status", "created_at")}
        | {"chunking": None, "attributes": dict(file.attributes), "declared": {}}
        for file in files
    ]
    change = {"address": f"{one.kind}/x", "action": "adopt", "id": live_id, "object": dict(one.raw), "uploads": []}
    story.chain.append(
        {
            "project": "test",
            "account": {},
            "command": "adopt",
            "time": "",
            "origin": "",
            "changes": [{**change, "files": shown}],
        }
    )


def own(story: Story, live_id: str, **more: Any) -> None:
    one = story.account.objects[live_id]
    pairs = {"deployer": f"test/{one.kind}/x", "deployer_applied": "", "deployer_origin": "1"}
    story.account.edit(live_id, metadata={**one.raw["metadata"], **pairs}, **more)


def test_what_was_adopted_is_foreign_again() -> None:
    story = Story()
    live_id = story.account.make("assistant", {"model": "m", "name": "N", "metadata": {"theirs": "1"}})
    before = dict(story.account.objects[live_id].raw)
    adopted(story, live_id)
    own(story, live_id)
    found = story.plan_back()
    assert changes(found) == [("assistant/x", "update", "was foreign at the time of the snapshot")]
    assert found.plan.foreign == 0
    story.roll_back()
    assert story.account.objects[live_id].raw == before
    story.roll_back()
    assert story.account.objects[live_id].raw["metadata"]["deployer"] == "test/assistant/x"


def test_the_stamp_of_another_project_is_written_again_to_the_letter() -> None:
    story = Story()
    theirs = {"deployer": "other/assistant/y", "deployer_applied": "a  b", "deployer_files": "c=d", "k": "v"}
    live_id = story.account.make("assistant", {"model": "m", "metadata": theirs})
    adopted(story, live_id)
    own(story, live_id)
    story.roll_back()
    assert story.account.objects[live_id].raw["metadata"] == theirs


def test_what_was_foreign_and_is_gone_is_named() -> None:
    story = Story()
    live_id = story.account.make("vector_store", {"name": "N"})
    adopted(story, live_id)
    own(story, live_id, status="expired")
    said = [("vector_store/x", f"{live_id} was foreign, and is gone since: it is not restored|", "warning")]
    assert problems(story.plan_back()) == said
    del story.account.objects[live_id]
    assert problems(story.plan_back()) == said
    story.account.make("vector_store", {})
    assert changes(story.plan_back()) == []


def test_what_is_foreign_already_needs_nothing() -> None:
    story = Story()
    live_id = story.account.make("assistant", {"model": "m"})
    adopted(story, live_id)
    assert (changes(story.plan_back()), problems(story.plan_back())) == ([], [])


def test_the_address_of_what_is_foreign_again_is_free_for_what_had_it() -> None:
    story = Story()
    story.apply(assistant("x", name="old"))
    story.apply(assistant("x", name="new"))
    story.account.objects.clear()
    live_id = story.account.make("assistant", {"model": "m"})
    adopted(story, live_id)
    own(story, live_id)
    found = story.plan_back(1)
    assert [one[:2] for one in changes(found)] == [("assistant/x", "create"), (f"assistant/x#{live_id}", "update")]


def test_files_of_a_foreign_object_stay_as_they_are_and_are_counted() -> None:
    story = Story()
    live_id = story.account.make("vector_store", {"name": "N"})
    gone = LiveFile("gone", None, None, "completed", None, 0)
    kept = LiveFile("kept", None, None, "completed", None, 0, attributes={"own": 1})
    adopted(story, live_id, gone, kept)
    own(story, live_id)
    story.account.files |= dict.fromkeys(("kept", "new", "newer"), A_CSV)
    marked = {"deployer_path": "docs/a.md", "deployer_sha256": "a", "deployer_size": 1}
    story.account.members[live_id] = {
        "kept": {"attributes": {**marked, "own": 2}},
        "new": {"attributes": {}},
        "newer": {"attributes": marked},
    }
    found = story.plan_back()
    assert problems(found) == [
        ("vector_store/x", "its files stay as they are: 2 attached since and 1 detached since|", "warning")
    ]
    change = change_of(found.plan, "vector_store/x")
    assert [(one.action, one.path, str(one.reason)) for one in change.files] == [
        (FileAction.UPDATE, "docs/a.md", "was foreign at the time of the snapshot")
    ]
    assert [one for one in change.operations if isinstance(one, UpdateFile)] == [
        UpdateFile("vector_store/x", "kept", {"own": 1})
    ]


def test_held_files_of_a_foreign_object_are_counted_too() -> None:
    story = Story()
    held = {"code_interpreter": {"file_ids": ["f1", "f2"]}}
    live_id = story.account.make("assistant", {"model": "m", "tools": INTERPRETER, "tool_resources": held})
    adopted(story, live_id)
    story.account.files |= dict.fromkeys(("f1", "f2"), A_CSV)
    own(story, live_id)
    assert problems(story.plan_back()) == []
    story.account.edit(live_id, tool_resources={"code_interpreter": {"file_ids": ["f1"]}})
    assert [why for _, why, _ in problems(story.plan_back())] == [
        "its files stay as they are: 1 detached since|",
    ]


def test_documents_of_others_that_were_adopted_lose_their_stamps_and_nothing_else() -> None:
    story = Story()
    story.apply(store("s", name="S"))
    live_id = ids(story)["test/vector_store/s"]
    foreign = story.account.upload(A_CSV)
    story.account.members[live_id] = {foreign: {"attributes": {"own": 1}}}
    story.apply(store("s", name="T"))
    marked = {"deployer_path": "data/a.csv", "deployer_sha256": A_CSV.sha256, "deployer_size": 1}
    story.account.members[live_id][foreign] = {"attributes": {**marked, "own": 1}}
    found = story.plan_back()
    change = change_of(found.plan, "vector_store/s")
    assert (change.action, str(change.reason)) == (Action.UPDATE, "1 field")
    assert [(one.action, one.live[0].id) for one in change.files] == [(FileAction.UPDATE, foreign)]
    story.roll_back()
    assert story.account.members[live_id] == {foreign: {"attributes": {"own": 1}}}


# Contents


def lost(story: Story, **sources: Any) -> RollbackPlan:
    """Plan to undo the last run where no content can be had but from `sources`."""
    scope = story.scope(origin="fedcba9")
    found = {"there": frozenset(story.account.files), **sources}
    entries = history.merged(story.chain[-1:])
    return restore.plan_rollback(
        scope, entries, story.account.live(), ContentSources(**found), "deployer rollback NAME"
    )


@pytest.mark.parametrize(
    ("origin", "remedy"),
    (
        ("", "bring the file back"),
        ("abc1234", "check out commit abc1234, or only this file of it"),
        (
            "abc1234+",
            "check out commit abc1234 (and what was not committed at that time), or only this file of it",
        ),
    ),
)
def test_a_document_whose_bytes_are_nowhere_is_named_and_what_is_there_stays(origin: str, remedy: str) -> None:
    story = Story()
    story.apply(store("s", document("docs/a.md", "a"), document("docs/b.md", "b")), origin=origin)
    story.apply(store("s", document("docs/a.md", "c")), origin="2")
    found = lost(story)
    assert found.missing == (
        MissingContent(Address("vector_store", "s"), "docs/a.md", origin),
        MissingContent(Address("vector_store", "s"), "docs/b.md", origin),
    )
    said = "cannot be restored: neither the account nor the working tree has its bytes|"
    assert problems(found) == [
        ("vector_store/s", f"{name} {said}{remedy}, then run deployer rollback NAME", "warning")
        for name in ("docs/a.md", "docs/b.md")
    ]
    assert found.plan.pending == ()


def test_documents_come_from_the_tree_under_any_name_or_from_the_account() -> None:
    story = Story()
    a, b = document("docs/a.md", "a", level=1), document("docs/b.md", "b")
    story.apply(store("s", a, b), store("other", b))
    story.apply(store("s"), store("other", b))
    elsewhere = DesiredFile("archive/x.txt", 1, a.sha256, source="archive/X.txt")
    found = lost(story, tree={a.sha256: elsewhere})
    assert found.missing == ()
    change = change_of(found.plan, "vector_store/s")
    assert [(one.path, one.upload) for one in change.files] == [("docs/a.md", True), ("docs/b.md", False)]
    (sent,) = [one.file for one in change.operations if isinstance(one, Upload)]
    assert (sent.path, sent.source, sent.sha256, sent.size) == ("docs/a.md", "archive/X.txt", a.sha256, 1)
    (sent,) = [
        one.file
        for one in change_of(
            lost(story, tree={a.sha256: replace(elsewhere, source="")}).plan, "vector_store/s"
        ).operations
        if isinstance(one, Upload)
    ]
    assert sent.source == "archive/x.txt"


def test_what_could_not_be_searched_is_not_restored() -> None:
    """A document that had failed brings nothing back; of several copies at a path the best one counts."""
    story = Story()
    a = document("docs/a.md", "a")
    story.apply(store("s", a))
    story.apply(store("s"))
    (file,) = story.chain[1]["changes"][0]["files"]
    story.chain[1]["changes"][0]["files"] = [{**file, "status": "failed"}]
    assert (lost(story).missing, lost(story).plan.pending) == ((), ())
    newer = {**file, "id": "file_2", "sha256": "f" * 64, "created_at": 5}
    story.chain[1]["changes"][0]["files"] = [
        newer,
        {**file, "created_at": 9, "status": "failed"},
        {**file, "status": "in_progress", "created_at": 3},
    ]
    found = lost(story, tree={a.sha256: a})
    assert [one.desired.sha256 for one in change_of(found.plan, "vector_store/s").files] == [a.sha256]


def test_attributes_come_back_with_what_was_declared_of_them() -> None:
    story = Story()
    a = document("docs/a.md", "a", level=1)
    story.tree = [a]
    story.apply(store("s", a))
    live_id = ids(story)["test/vector_store/s"]
    (file_id,) = story.account.members[live_id]
    story.account.members[live_id][file_id]["attributes"]["by_hand"] = "x"
    before = story.account.members[live_id][file_id]
    story.apply(store("s", document("docs/a.md", "a", level=2)))
    story.account.members[live_id][file_id]["attributes"]["by_hand"] = "y"
    story.roll_back()
    found = story.account.members[live_id][file_id]["attributes"]
    assert found == {**before["attributes"], "by_hand": "y"}
    story.apply(store("s"))
    story.roll_back()
    (row,) = story.account.members[live_id].values()
    assert row["attributes"] == found, "what is attached anew gets all that it had"


def test_a_document_keeps_the_digests_that_were_recorded_for_it() -> None:
    """Also where one is missing, and the document of today stays in its place."""
    story = Story()
    story.apply(store("s", document("docs/a.md", "a", level=1), name="S"))
    story.apply(store("s", document("docs/a.md", "b", level=2), name="T"))
    live_id = ids(story)["test/vector_store/s"]
    (before,) = story.account.members[live_id].values()
    found = lost(story)
    story.run(found.plan, "rollback")
    assert story.account.members[live_id].popitem()[1] == before
    assert story.account.objects[live_id].raw["name"] == "S"


def test_a_store_is_restored_without_what_others_attached() -> None:
    story = Story()
    story.apply(store("s"))
    live_id = ids(story)["test/vector_store/s"]
    for number in range(4):
        story.account.members.setdefault(live_id, {})[f"theirs_{number}"] = {"attributes": {}}
    story.apply()
    assert problems(lost(story)) == [
        (
            "vector_store/s",
            "is restored without what others attached (theirs_0, theirs_1, theirs_2 and 1 more)|",
            "warning",
        )
    ]


def tutor(*files: DesiredFile, **fields: Any) -> Any:
    return assistant("a", *files, tools=INTERPRETER, **fields)


def held(story: Story) -> list[str]:
    return list(next(iter(story.account.objects.values())).raw["tool_resources"]["code_interpreter"]["file_ids"])


def tokens(story: Story) -> dict[str, str]:
    return stamp.parsed(next(iter(story.account.objects.values())).raw["metadata"].get(stamp.FILES))


def test_a_held_file_whose_content_is_not_known_here_stays_with_its_token() -> None:
    story = Story()
    story.apply(tutor(A_CSV, name="A"))
    before, files = tokens(story), held(story)
    story.apply(tutor(A_CSV, name="B"))
    found = lost(story, contents={})
    assert found.missing == ()
    story.run(found.plan, "rollback")
    assert (tokens(story), held(story)) == (before, files)
    assert len(before) == 1


def test_a_held_file_that_is_gone_is_named_and_those_of_today_stay() -> None:
    story = Story()
    story.apply(tutor(A_CSV, B_CSV, name="A"))
    token = next(token for name, token in tokens(story).items() if name == stamp.name_of(held(story)[0]))
    first = held(story)[0]
    story.apply(tutor(document("data/c.csv", "c"), B_CSV, name="B"))
    named = lost(story, contents={}, names={token: "data/a.csv"})
    assert [one.name for one in named.missing] == ["data/a.csv"]
    found = lost(story, contents={})
    assert [one.name for one in found.missing] == [f"the code interpreter's file {first}"]
    before, files = tokens(story), held(story)
    story.run(found.plan, "rollback")
    assert (tokens(story), held(story)) == (before, files)
    assert next(iter(story.account.objects.values())).raw["name"] == "A"


def test_held_files_that_can_be_had_come_back_and_those_of_today_go() -> None:
    story = Story()
    story.tree = [A_CSV, B_CSV]
    story.apply(tutor(A_CSV, name="A"))
    before = story.state()
    story.apply(tutor(B_CSV, name="B"))
    story.roll_back()
    assert story.state() == before
    assert not story.account.unheld()


def test_a_held_file_of_others_stays_through_it_all() -> None:
    story = Story()
    story.tree = [A_CSV]
    story.apply(tutor(name="A"))
    theirs = story.account.upload(B_CSV)
    (live,) = story.account.objects.values()
    story.account.edit(live.id, tool_resources={"code_interpreter": {"file_ids": [theirs]}})
    story.apply(tutor(A_CSV, name="B"))
    assert len(held(story)) == 2
    story.roll_back()
    assert (held(story), tokens(story)) == ([theirs], {})


def test_a_proven_file_is_lent_by_its_token() -> None:
    """What is on the account, held by nothing, and known to be what it was is attached and not sent."""
    story = Story()
    a = document("docs/a.md", "a")
    story.apply(store("s", a))
    story.apply(store("s"))
    file_id = story.account.upload(a)
    spare = LiveFile(file_id, a.path, a.sha256, "completed", 1, 0)
    found = lost(story, there=frozenset(), proven=[spare])
    change = change_of(found.plan, "vector_store/s")
    assert [(one.path, one.upload) for one in change.files] == [("docs/a.md", False)]
    assert "vector_store/…" not in [str(one.address) for one in found.plan.changes]


def test_problems_are_in_order() -> None:
    story = Story()
    story.apply(store("b", document("docs/b.md", "b")), store("a", document("docs/a.md", "a")), assistant("x"))
    story.apply(assistant("y"), moved=tuple(moves(("assistant/x", "assistant/y"))))
    story.account.make("assistant", {"metadata": {"deployer": "test/assistant/x"}})
    found = lost(story)
    order = [(one.severity, one.address) for one in found.plan.problems]
    assert order == [
        (Severity.ERROR, "assistant/x"),
        (Severity.WARNING, "vector_store/a"),
        (Severity.WARNING, "vector_store/b"),
    ]


# Corners that a mutant of the code has found


def pieces(size: int) -> dict[str, Any]:
    return {"max_chunk_size_tokens": size, "chunk_overlap_tokens": 10}


def test_how_a_document_was_cut_comes_back() -> None:
    story = Story()
    story.tree = [replace(document("docs/a.md", "a"), chunking=pieces(200))]
    story.apply(store("s", *story.tree))
    before = story.state()
    story.apply()
    (file,) = story.chain[-1]["changes"][0]["files"]
    assert file["chunking"] == pieces(200)
    story.roll_back()
    assert story.state() == before
    assert "200" in str(before)


def test_only_what_was_changed_of_a_foreign_object_goes_back() -> None:
    """What it uses goes by the addresses of today; what was never declared stays as somebody left it."""
    story = Story()
    story.apply(store("s"))
    used = {"file_search": {"vector_store_ids": [ids(story)["test/vector_store/s"]]}}
    tools = [{"type": "file_search"}]
    fields = {"model": "m", "name": "N", "instructions": "old", "tools": tools, "tool_resources": used}
    live_id = story.account.make("assistant", fields)
    adopted(story, live_id)
    digests = {"model": "m", "name": "M", "tools": {"file_search": {"vector_stores": ["vector_store/s"]}}}
    applied = stamp.written(
        {**{stamp.name_of((name,)): stamp.digest(value) for name, value in digests.items()}, "protect": "1"}
    )
    own(story, live_id, name="M", instructions="by hand")
    pairs = story.account.objects[live_id].raw["metadata"]
    story.account.edit(live_id, metadata={**pairs, "deployer_applied": applied})
    found = story.plan_back()
    change = change_of(found.plan, "assistant/x")
    assert [(one.path, one.old, one.new) for one in change.fields] == [(("name",), "M", "N")]
    assert found.plan.conflicts == ()
    story.roll_back()
    raw = story.account.objects[live_id].raw
    assert (raw["name"], raw["instructions"], raw["metadata"]) == ("N", "by hand", {})


def test_a_stamp_with_parts_missing_is_written_with_empty_ones() -> None:
    story = Story()
    story.apply(store("x", document("docs/a.md", "a"), name="N"))
    story.apply(store("x", name="M"))
    found = story.chain[-1]["changes"][0]["object"]
    found["metadata"] = {"deployer": "test/vector_store/x"}
    missing = lost(story)
    assert [one.commit for one in missing.missing] == [""]
    story.run(missing.plan, "rollback")
    (live,) = story.account.objects.values()
    assert live.raw["metadata"] == {
        "deployer": "test/vector_store/x",
        "deployer_applied": "",
        "deployer_origin": "",
    }


def test_what_was_not_changed_lends_its_documents_and_is_shown_with_its_id() -> None:
    story = Story()
    b = document("docs/b.md", "b")
    story.apply(store("s", b), store("other", b))
    story.apply(store("s"), store("other", b))
    found = lost(story, there=frozenset())
    assert found.missing == ()
    assert not any(isinstance(one, Upload) for one in change_of(found.plan, "vector_store/s").operations)
    assert change_of(found.plan, "vector_store/other").live_id == ids(story)["test/vector_store/other"]


def test_what_has_the_value_of_the_api_is_not_sent() -> None:
    """Of what was deleted: it was never declared, and the API sets it anyway."""
    story = Story()
    story.apply(assistant("a", name="A"))
    (live,) = story.account.objects.values()
    story.account.edit(live.id, metadata={**live.raw["metadata"], "theirs": "1"})
    story.apply()
    (create,) = change_of(story.plan_back().plan, "assistant/a").operations
    assert set(create.body) == {"model", "name", "metadata"}
    assert create.body["metadata"]["theirs"] == "1"


def test_a_document_that_stays_in_place_of_a_missing_one_is_left_as_it_is() -> None:
    """The best of several; with its attributes, declared or not; and what had failed is attached with its digests."""
    story = Story()
    story.apply(store("s", document("docs/a.md", "a", level=1)))
    story.apply(store("s", document("docs/a.md", "b", level=2)))
    live_id = ids(story)["test/vector_store/s"]
    (file_id,) = story.account.members[live_id]
    row = story.account.members[live_id][file_id]
    row["attributes"] |= {"by_hand": "x", "level": 9}
    assert change_of(lost(story).plan, "vector_store/s").files == ()
    worse = story.account.upload(document("docs/a.md", "c"))
    attributes = {**row["attributes"], "deployer_sha256": f"{'c':0<64}"}
    story.account.members[live_id] = {worse: {"status": "failed", "attributes": attributes}, file_id: row}
    change = change_of(lost(story).plan, "vector_store/s")
    assert [(one.action, [file.id for file in one.live]) for one in change.files] == [(FileAction.REMOVE, [worse])]
    story.account.members[live_id] = {file_id: {**row, "status": "failed"}}
    (again,) = [one for one in change_of(lost(story).plan, "vector_store/s").operations if isinstance(one, AttachFiles)]
    assert again.members[0].attributes == row["attributes"]


def test_a_document_without_a_size_and_one_that_nothing_can_tell() -> None:
    story = Story()
    a = document("docs/a.md", "a")
    story.apply(store("s", a))
    story.apply(store("s"))
    story.chain[-1]["changes"][0]["files"][0]["size"] = None
    (sent,) = [
        one.file
        for one in change_of(lost(story, tree={a.sha256: a}).plan, "vector_store/s").operations
        if isinstance(one, Upload)
    ]
    assert sent.size == 0


def test_a_foreign_file_that_stays_beside_a_missing_one_gets_no_token() -> None:
    story = Story()
    story.apply(tutor(A_CSV, name="A"))
    story.apply(tutor(document("data/c.csv", "c"), name="B"))
    theirs = story.account.upload(B_CSV)
    (live,) = story.account.objects.values()
    story.account.edit(live.id, tool_resources={"code_interpreter": {"file_ids": [*held(story), theirs]}})
    found = lost(story, contents={})
    story.run(found.plan, "rollback")
    assert len(held(story)) == 2
    assert list(tokens(story)) == [stamp.name_of(held(story)[0])]


def test_a_foreign_file_that_was_adopted_into_an_assistant_loses_its_token() -> None:
    story = Story()
    theirs = story.account.upload(A_CSV)
    story.apply(tutor(name="A"))
    (live,) = story.account.objects.values()
    story.account.edit(live.id, tool_resources={"code_interpreter": {"file_ids": [theirs]}})
    story.apply(tutor(name="B"))
    pairs = dict(next(iter(story.account.objects.values())).raw["metadata"])
    token = uploads.token(A_CSV.name, A_CSV.sha256)
    story.account.edit(live.id, metadata={**pairs, stamp.FILES: f"{stamp.name_of(theirs)}={token}"})
    story.roll_back()
    assert (held(story), tokens(story)) == ([theirs], {})


def test_a_copy_beside_what_was_created_goes_where_that_is_now() -> None:
    """Another machine has moved it: no snapshot here has its address of today."""
    story = Story()
    story.apply(assistant("a"), recorded=False)
    story.apply(assistant("a", name="A"))
    (live,) = story.account.objects.values()
    pairs = {**live.raw["metadata"], "deployer": "test/assistant/z"}
    story.account.edit(live.id, metadata=pairs)
    copy = story.account.make("assistant", {"model": "m", "metadata": pairs})
    found = story.plan_back(0)
    assert [one[:2] for one in changes(found)] == [("assistant/z", "delete"), (f"assistant/z#{copy}", "delete")]


def test_of_two_at_one_address_the_one_that_the_snapshot_means_is_known() -> None:
    story = Story()
    story.apply(assistant("a", name="A"))
    story.apply(assistant("a", name="B"))
    (meant,) = ids(story).values()
    raw = dict(story.account.objects[meant].raw)
    story.account.clock -= 100_000
    older = story.account.make("assistant", raw)
    found = story.plan_back()
    assert problems(found) == [], "each has the address already: none must give way"
    assert found.plan.known["assistant/a"] == meant
    assert (f"assistant/a#{older}", "no-op") not in [one[:2] for one in changes(found)] or older in str(changes(found))


def test_a_reference_to_a_store_that_somebody_deleted_is_no_edit() -> None:
    story = Story()
    story.apply(store("s", name="S"), assistant("a", name="A", tools=using("s")))
    story.apply(store("s", name="T"), assistant("a", name="B", tools=using("s")))
    del story.account.objects[ids(story)["test/vector_store/s"]]
    found = story.plan_back()
    assert {one.path for one in change_of(found.plan, "assistant/a").fields} >= {("name",)}
    assert found.plan.conflicts == ()


def test_a_reference_by_the_address_of_today_is_no_edit() -> None:
    story = Story()

    def user(key: str, most: int) -> Any:
        return assistant(
            "a", tools=[{"type": "file_search", "vector_stores": [f"vector_store/{key}"], "max_num_results": most}]
        )

    story.apply(store("old", name="S"), user("old", 3))
    before = story.state()
    moved = tuple(moves(("vector_store/old", "vector_store/new")))
    story.apply(store("new", name="S"), user("new", 4), moved=moved)
    assert story.plan_back().plan.conflicts == ()
    story.roll_back()
    assert story.state() == before


def test_what_another_commit_made_at_the_address_stays_and_is_named() -> None:
    story = Story()
    story.apply(assistant("a"), recorded=False)
    (live,) = story.account.objects.values()
    story.account.edit(live.id, metadata={**live.raw["metadata"], "deployer_origin": "fff"})
    said = f"stays: {live.id} carries the stamp of another run (commit fff)|"
    assert problems(story.plan_back()) == [("assistant/a", said, "warning")]


def test_each_that_may_have_been_moved_is_looked_at() -> None:
    story = Story()
    story.apply(assistant("kept"), assistant("x", name="X"))
    story.apply(assistant("kept"), assistant("x", name="X"), assistant("a"), assistant("b"), recorded=False)
    live = ids(story)
    story.account.edit(
        live["test/assistant/b"],
        metadata={**story.account.objects[live["test/assistant/b"]].raw["metadata"], "deployer": "test/assistant/z"},
    )
    moved = tuple(moves(("assistant/b", "assistant/z"), ("assistant/c", "assistant/d")))
    found = story.plan_back(1, moved=moved)
    assert [address for address, _, _ in problems(found)] == ["assistant/z"]
    del story.account.objects[live["test/assistant/b"]]
    assert problems(story.plan_back(1, moved=moved)) == []


def test_what_was_given_back_and_edited_since_is_taken_over_without_a_conflict() -> None:
    story = Story()
    live_id = story.account.make("assistant", {"model": "m", "name": "N"})
    adopted(story, live_id)
    own(story, live_id)
    applied = stamp.written({stamp.name_of(("name",)): stamp.digest("N")})
    pairs = story.account.objects[live_id].raw["metadata"]
    story.account.edit(live_id, metadata={**pairs, "deployer_applied": applied})
    story.roll_back()
    story.account.edit(live_id, name="by hand")
    assert story.plan_back().plan.conflicts == ()
    story.roll_back()
    raw = story.account.objects[live_id].raw
    assert (raw["name"], raw["metadata"]["deployer_applied"]) == ("N", applied)


def test_what_becomes_foreign_is_not_taken_for_what_had_its_address() -> None:
    """It is older than the object that is meant, whose id no snapshot has."""
    story = Story()
    live_id = story.account.make("assistant", {"model": "m"})
    story.apply(assistant("x", name="A"))
    story.apply(assistant("x", name="B"))
    first = next(iter(story.account.objects.keys() - {live_id}))
    raw = story.account.objects.pop(first).raw
    again = story.account.make("assistant", dict(raw))
    adopted(story, live_id)
    own(story, live_id)
    found = story.plan_back(1)
    updated = {one.live_id: str(one.address) for one in found.plan.changes if one.action is Action.UPDATE}
    assert updated == {again: "assistant/x", live_id: f"assistant/x#{live_id}"}


def test_what_was_there_before_the_run_stays_and_is_named() -> None:
    story = Story()
    story.apply(assistant("a"), recorded=False)
    (live,) = story.account.objects.values()
    story.chain[0]["there"].append(live.id)
    said = f"stays: {live.id} was there before the run that was to create it|"
    assert problems(story.plan_back()) == [("assistant/a", said, "warning")]


def test_who_changes_in_the_plan_and_goes_on_using_a_store_keeps_it() -> None:
    story = Story()
    story.apply(assistant("a", name="A"))
    story.apply(store("s"), assistant("a", name="B"))
    live = ids(story)
    used = {"file_search": {"vector_store_ids": [live["test/vector_store/s"]]}}
    story.account.edit(live["test/assistant/a"], tools=[{"type": "file_search"}], tool_resources=used)
    found = story.plan_back()
    who = f"was created since, but stays: it is in use by assistant {live['test/assistant/a']}|"
    assert problems(found) == [("vector_store/s", who, "warning")]
    assert sorted(one[:2] for one in changes(found)) == [("assistant/a", "update"), ("vector_store/s", "no-op")]


def test_a_reference_that_somebody_edited_is_an_edit_while_its_store_is_there() -> None:
    story = Story()
    stores = (store("s"), store("t"))
    story.apply(*stores, assistant("a", name="A", tools=using("s")))
    story.apply(*stores, assistant("a", name="B", tools=using("s")))
    live = ids(story)
    used = {"file_search": {"vector_store_ids": [live["test/vector_store/t"]]}}
    story.account.edit(live["test/assistant/a"], tool_resources=used)
    assert [one.path for _, one in story.plan_back().plan.conflicts] == [("tools", "file_search")]


def test_what_has_the_address_still_was_not_moved() -> None:
    """The manifest moves it; both are there, and the run that was killed was to create the first."""
    story = Story()
    story.apply(assistant("b"))
    story.apply(assistant("b"), assistant("a"), recorded=False)
    moved = tuple(moves(("assistant/a", "assistant/b")))
    assert problems(story.plan_back(moved=moved)) == []
    (stays,) = [live_id for name, live_id in ids(story).items() if name == "test/assistant/a"]
    story.chain[-1]["there"].append(stays)
    said = f"stays: {stays} was there before the run that was to create it|"
    assert problems(story.plan_back(moved=moved)) == [("assistant/a", said, "warning")]
