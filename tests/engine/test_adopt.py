"""An adoption writes the stamp and nothing else, and the stamp says what is live."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import adopt, stamp, uploads
from deployer.engine.adopt import Taking
from deployer.model import Action, Address, DesiredFile, FileAction, LiveFile, LiveObject, Problem, Update, UpdateFile
from tests.support.memory import Story, assistant, document, store, using

INTERPRETER = {"type": "code_interpreter"}


def adopted(story: Story, *takings: Taking) -> Any:
    """Return the plan that adopts, made from the plan of the moment."""
    now = replace(story.plan(), problems=(Problem("of the moment", ""),))
    return adopt.adoption(story.scope(), now, takings)


def live(story: Story, live_id: str, *files: LiveFile) -> LiveObject:
    return replace(story.account.objects[live_id], files=files)


def test_only_the_stamp_is_written_with_digests_of_what_is_live() -> None:
    story = Story()
    live_id = story.account.make("assistant", {"model": "m", "name": "live", "metadata": {"theirs": "1", "team": "a"}})
    resource = assistant("x", name="git", temperature=0.5, metadata={"team": "b"})
    plan = adopted(story, Taking(resource, live(story, live_id), {}))
    (change,) = plan.changes
    assert (change.address, change.action, str(change.reason), change.live_id) == (
        resource.address,
        Action.ADOPT,
        f"take over {live_id}",
        live_id,
    )
    assert [(field.name, field.old, field.new) for field in change.fields] == [
        ("metadata/team", "a", "b"),
        ("name", "live", "git"),
        ("temperature", 1.0, 0.5),
    ]
    assert change.reviewed.startswith("description=")
    assert (plan.problems, plan.known) == ((), {"assistant/x": live_id})
    (operation,) = change.operations
    assert isinstance(operation, Update)
    assert set(operation.body) == {"metadata", "model"}
    assert operation.body["model"] == "m"
    written = operation.body["metadata"]
    values = {("model",): "m", ("name",): "live", ("temperature",): 1.0, ("metadata", "team"): "a"}
    assert written == {
        "theirs": "1",
        "team": "a",
        "deployer": "test/assistant/x",
        "deployer_applied": written["deployer_applied"],
        "deployer_origin": "abc1234",
    }
    found = stamp.parsed(written["deployer_applied"])
    assert found == {stamp.name_of(path): stamp.digest(value) for path, value in values.items()}


def test_what_is_declared_and_not_live_has_no_digest() -> None:
    story = Story()
    live_id = story.account.make("assistant", {"model": "m"})
    plan = adopted(story, Taking(assistant("x", metadata={"new": "1"}), live(story, live_id), {}))
    digests = stamp.parsed(plan.changes[0].operations[0].body["metadata"]["deployer_applied"])
    assert list(digests) == [stamp.name_of(("model",))]


def test_files_of_the_code_interpreter_get_their_tokens() -> None:
    story = Story()
    table = document("data/a.csv", "a")
    held = {"code_interpreter": {"file_ids": ["file_a", "file_b"]}}
    live_id = story.account.make("assistant", {"model": "m", "tools": [INTERPRETER], "tool_resources": held})
    resource = assistant("x", table, tools=[INTERPRETER])
    plan = adopted(story, Taking(resource, live(story, live_id), {"file_a": table}))
    metadata = plan.changes[0].operations[0].body["metadata"]
    assert metadata[stamp.FILES] == f"{stamp.name_of('file_a')}={uploads.token('a.csv', table.sha256)}"
    assert plan.changes[0].files == ()
    nothing = adopted(story, Taking(resource, live(story, live_id), {}))
    assert stamp.FILES not in nothing.changes[0].operations[0].body["metadata"]


def membership(file_id: str, **attributes: Any) -> LiveFile:
    return LiveFile(file_id, None, None, "completed", None, 1, attributes=attributes)


def test_documents_are_marked_and_keep_what_is_live_of_their_attributes() -> None:
    story = Story()
    live_id = story.account.make("vector_store", {"name": "S"})
    b = DesiredFile("docs/b.md", 1, "b" * 64, attributes={"level": 2, "new": 1})
    a = DesiredFile("docs/a.md", 1, "a" * 64)
    found = live(story, live_id, membership("f1", level=9, theirs=1), membership("f2"), membership("f3"))
    plan = adopted(story, Taking(store("s", a, b, name="S"), found, {"f1": b, "f2": a}))
    (change,) = plan.changes
    said = "the same bytes: it is marked, not uploaded"
    assert [(one.action, one.path, one.live[0].id, str(one.reason)) for one in change.files] == [
        (FileAction.UPDATE, "docs/a.md", "f2", said),
        (FileAction.UPDATE, "docs/b.md", "f1", said),
    ]
    written = {one.file: one.attributes for one in change.operations if isinstance(one, UpdateFile)}
    assert {name: written["f1"][name] for name in ("level", "theirs", "deployer_path")} == {
        "level": 9,
        "theirs": 1,
        "deployer_path": "docs/b.md",
    }
    assert "new" not in written["f1"]
    assert set(written) == {"f1", "f2"}


def test_what_is_owned_already_is_not_stamped_again() -> None:
    story = Story()
    a = document("docs/a.md", "a")
    story.apply(store("s", name="S"))
    (live_id,) = story.account.objects
    taken = adopted(story, Taking(store("s", a, name="other"), live(story, live_id, membership("f1")), {"f1": a}))
    (change,) = taken.changes
    assert (change.action, change.fields) == (Action.ADOPT, ())
    assert [type(one) for one in change.operations] == [UpdateFile]
    nothing = adopted(story, Taking(store("s", name="other"), live(story, live_id), {}))
    assert [(one.action, one.operations) for one in nothing.changes] == [(Action.NO_OP, ())]


@pytest.mark.parametrize("owner", ("other/vector_store/s", "test/vector_store/t"))
def test_a_stamp_of_another_project_or_address_is_replaced(owner: str) -> None:
    story = Story()
    live_id = story.account.make(
        "vector_store", {"name": "S", "metadata": {"deployer": owner, "deployer_files": "a=b"}}
    )
    plan = adopted(story, Taking(store("s", name="S"), live(story, live_id), {}))
    metadata = plan.changes[0].operations[0].body["metadata"]
    assert metadata["deployer"] == "test/vector_store/s"
    assert stamp.FILES not in metadata


def test_what_is_taken_together_refers_to_each_other_by_address() -> None:
    story = Story()
    docs = story.account.make("vector_store", {"name": "S"})
    used = {"file_search": {"vector_store_ids": [docs]}}
    tools = [{"type": "file_search"}]
    live_id = story.account.make("assistant", {"model": "m", "tools": tools, "tool_resources": used})
    takings = [
        Taking(store("s", name="S"), live(story, docs), {}),
        Taking(assistant("x", tools=using("s")), live(story, live_id), {}),
    ]
    plan = adopted(story, *takings)
    assert [change.fields for change in plan.changes] == [(), ()]
    assert plan.known == {"vector_store/s": docs, "assistant/x": live_id}
    assert Address("assistant", "x") in [change.address for change in plan.changes]


@pytest.mark.parametrize(
    ("own", "files", "lacking"), ((13, False, 0), (14, False, 1), (12, True, 0), (13, True, 1), (16, True, 4))
)
def test_the_room_for_the_stamp(own: int, lacking: int, *, files: bool) -> None:
    metadata = {f"k{number}": "v" for number in range(own)}
    one = LiveObject("assistant", "asst_1", {"metadata": {**metadata, "deployer": "x", "deployer_applied": "y"}})
    assert adopt.lacking_room(one, files=files) == lacking
    assert adopt.lacking_room(replace(one, raw={"metadata": None})) == 0
