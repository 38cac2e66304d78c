"""What a reviewer is told of a plan beside its changes: each case is data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import review, stamp, uploads
from deployer.model import (
    Action,
    Address,
    Change,
    DesiredFile,
    Effect,
    FieldChange,
    FileAction,
    FileChange,
    LiveFile,
    LiveObject,
    Origin,
    Plan,
    Problem,
    Reason,
    Resource,
    Review,
    Severity,
    Target,
    Use,
    Why,
)

A, B, S, T = (Address(*one.split("/")) for one in ("assistant/a", "assistant/b", "vector_store/s", "vector_store/t"))
WHY = Reason(Why.FIELDS, ("1 field",))
MINE, THEIRS = (
    LiveFile("file_1", "docs/a.md", "1" * 64, "completed", 1, 1),
    LiveFile("file_9", None, None, "completed", 1, 1),
)


def planned(*changes: Change, **rest: Any) -> Plan:
    return Plan("p", Target("here", "assistants", ""), changes, **rest)


def owned(address: Address, attrs: dict[str, Any], *files: LiveFile, held: tuple[str, ...] = ()) -> LiveObject:
    """A live object as an apply left it; `held`: the tokens of the files of a code interpreter, in its map."""
    pairs = stamp.write("p", address, attrs, "") | stamp.file_pairs({f"{n:06}": one for n, one in enumerate(held)})
    return LiveObject(address.kind, f"id_{address.name}", {**attrs, "metadata": pairs}, files)


def removed(live: LiveFile) -> FileChange:
    return FileChange(FileAction.REMOVE, live.path or live.id, None, (live,), Reason(Why.UNDECLARED))


def added(file: DesiredFile) -> FileChange:
    return FileChange(FileAction.ADD, file.path, file, (), Reason(Why.NOT_LIVE), upload=True)


FUNCTION = FieldChange(
    ("tools", "f"), 1, 2, Origin.MANIFEST, (Effect((), "a value is refused", breaking=True, kind="narrowed"),)
)
EDITED = FieldChange(("name",), "x", "y", Origin.ACCOUNT)
KEPT = replace(EDITED, kept=True)
GATES: dict[str, tuple[Change, str]] = {
    "breaking": (
        Change(A, Action.UPDATE, WHY, "id_a", (FUNCTION,)),
        "breaking for the application: assistant/a.tools/f; change it to accept both, then deploy",
    ),
    "conflict": (
        Change(A, Action.UPDATE, WHY, "id_a", (EDITED, replace(EDITED, path=("model",)))),
        "edited on the account: assistant/a; put the edit into git, or decide with --on-drift",
    ),
    "delete": (
        Change(A, Action.DELETE, WHY, "id_a"),
        "deletes: assistant/a; keep them in the manifest, or leave out --prune",
    ),
}


@pytest.mark.parametrize("gate", review.GATES)
def test_each_gate_says_what_does_not_pass(gate: str) -> None:
    plan = planned(*(change for change, _ in GATES.values()))
    assert list(review.failed(plan, (gate,))) == [GATES[gate][1]]
    assert list(review.failed(planned(GATES[gate][0]), set(review.GATES) - {gate})) == []


def test_all_gates_at_once_and_none() -> None:
    plan = planned(*(change for change, _ in GATES.values()))
    assert list(review.failed(plan, review.GATES)) == [text for _, text in GATES.values()]
    assert list(review.failed(plan, ())) == []
    harmless = planned(Change(A, Action.UPDATE, WHY, "id_a", (KEPT,)), Change(B, Action.NO_OP, WHY, "id_b"))
    assert list(review.failed(harmless, review.GATES)) == []


def test_a_replaced_object_and_documents_are_deleted_too() -> None:
    going = (removed(MINE), removed(replace(MINE, id="file_2", path="docs/b.md")), added(DesiredFile("c.md", 1, "c")))
    plan = planned(
        Change(S, Action.REPLACE, WHY, "id_s"),
        Change(T, Action.UPDATE, WHY, "id_t", files=going),
        Change(B, Action.UPDATE, WHY, "id_b", files=(added(DesiredFile("d.csv", 1, "d")),)),
    )
    (text,) = review.failed(plan, ("delete",))
    assert text.startswith("deletes: vector_store/s, 2 of the documents of vector_store/t;")


def test_a_review_is_made_once_and_gates_are_added() -> None:
    plan = planned(Change(A, Action.UPDATE, WHY, "id_a"))
    first = review.reviewed(plan)
    assert first.review == review.of(plan)
    assert first.review
    assert review.reviewed(first) is first
    assert review.of(first) is first.review
    gated = review.reviewed(first, ["no"])
    assert gated.review == replace(first.review, failed=("no",))


def test_a_refusal_is_told_unless_the_plan_has_errors() -> None:
    edited = Change(A, Action.UPDATE, WHY, "id_a", (EDITED,))
    assert "edited" in review.of(planned(edited)).refusal
    assert review.of(planned(edited, problems=(Problem("m", "r"),))).refusal == ""
    assert review.of(planned(edited, problems=(Problem("m", "r", severity=Severity.WARNING),))).refusal
    assert review.of(planned(Change(A, Action.UPDATE, WHY, "id_a"))).refusal == ""


def test_documents_of_others_that_stay_are_named() -> None:
    live = (owned(S, {}, MINE, THEIRS, replace(THEIRS, id="file_8")), owned(T, {}, MINE), owned(A, {}))
    changes = [Change(one, Action.NO_OP, WHY, f"id_{one.name}") for one in (S, T, A)]
    assert review.of(planned(*changes, live=live)).attached == {S: ("file_9", "file_8")}
    exclusive = replace(changes[0], action=Action.UPDATE, files=(removed(THEIRS),))
    assert review.of(planned(exclusive, live=live)).attached == {S: ("file_8",)}
    deleted = replace(changes[0], action=Action.DELETE)
    assert review.of(planned(deleted, live=live)).attached == {}
    assert review.of(planned(Change(S, Action.CREATE, WHY), live=live)).attached == {}


ATTRS = {"model": "m", "name": "Helper"}
DOCUMENT = DesiredFile("docs/a.md", 1, "1" * 64)


@pytest.mark.parametrize(
    ("live", "desired", "renamed"),
    (
        (owned(A, ATTRS), Resource(B, ATTRS), True),
        (owned(A, ATTRS), Resource(B, {**ATTRS, "model": "n"}), False),
        (owned(A, {}), Resource(B, {}), False),
        (owned(S, {"name": "s"}, MINE), Resource(T, {"name": "s"}, (DOCUMENT,)), True),
        (owned(S, {}, MINE, THEIRS), Resource(T, {}, (DOCUMENT,)), True),
        (owned(S, {"name": "s"}, MINE), Resource(T, {"name": "s"}), False),
        (owned(S, {"name": "s"}), Resource(A, {"name": "s"}), False),
        (LiveObject("assistant", "id_a", ATTRS), Resource(B, ATTRS), False),
        (owned(A, ATTRS), Resource(Address("river", "b"), ATTRS), False),
    ),
)
def test_what_looks_like_an_orphan_under_another_key_is_told(
    live: LiveObject, desired: Resource, *, renamed: bool
) -> None:
    old = Address(live.kind, live.id.removeprefix("id_"))
    orphan = Change(old, Action.NO_OP, WHY, live.id, orphan=True)
    fresh = Change(desired.address, Action.CREATE, WHY)
    found = review.of(planned(orphan, fresh, live=(live,), desired=(desired,))).renamed
    assert found == ({desired.address: old} if renamed else {})
    there = replace(fresh, action=Action.NO_OP)
    for changes in ((replace(orphan, orphan=False), fresh), (orphan, there), (replace(orphan, live_id="gone"), fresh)):
        assert review.of(planned(*changes, live=(live,), desired=(desired,))).renamed == {}


def test_who_refers_to_what() -> None:
    tools = {"file_search": {"vector_store_ids": ["vector_store/t", "vector_store/s"]}, "text": "see vector_store/s"}
    desired = (
        Resource(A, {"tools": tools, "model": "m"}, (DesiredFile("x.csv", 3, "x"),)),
        Resource(S, {}, (DesiredFile("a.md", 5, "a"), DesiredFile("b.md", 7, "b"))),
        Resource(T, {}),
        Resource(B, {"model": "assistant/c"}),
    )
    assert review.of(planned(desired=desired)).uses == {
        "assistant/a": Use(("vector_store/s", "vector_store/t"), 1, 3),
        "vector_store/s": Use((), 2, 12),
        "vector_store/t": Use((), 0, 0),
    }


def content(name: str) -> DesiredFile:
    return DesiredFile(f"data/{name[0]}.csv", 1, name)


def token(name: str) -> str:
    file = content(name)
    return uploads.token(file.name, file.sha256)


def held(name: str) -> LiveFile:
    """A file of a code interpreter: the account knows its id alone, the stamp the token of its contents."""
    return LiveFile(f"file_{name}", None, token(name), "completed", None, 0)


@pytest.mark.parametrize(
    ("before", "after", "replaced"),
    (
        ("a1 b1", "a1 b2", {"data/b.csv": "file_b1"}),
        ("a1 b1", "a2 b2", {"data/a.csv": "file_a1", "data/b.csv": "file_b1"}),
        ("a1 b1 c1", "a2 b1 c2", {"data/a.csv": "file_a1", "data/c.csv": "file_c1"}),
        ("a1 b1", "c1", {}),
        ("a1", "a1 b1", {}),
        ("a1 b1", "a1", {}),
        ("a1", "c1", {"data/c.csv": "file_a1"}),
    ),
)
def test_a_file_that_changed_stands_where_the_old_one_stood(before: str, after: str, replaced: dict[str, str]) -> None:
    old, new = before.split(), after.split()
    live = owned(A, {}, *map(held, old), held=tuple(map(token, old)))
    came, gone = [one for one in new if one not in old], [one for one in old if one not in new]
    files = (*(removed(held(one)) for one in gone), *(added(content(one)) for one in came))
    change = Change(A, Action.UPDATE, WHY, "id_a", files=files)
    plan = planned(change, live=(live,), desired=(Resource(A, {}, tuple(map(content, new))),))
    assert review.of(plan).replaced == ({A: replaced} if replaced else {})
    shown = {one.path: one for one in review.files(plan, change)}
    assert {path: one.live[0].id for path, one in shown.items() if one.action is FileAction.REPLACE} == replaced
    assert all(shown[path].reason == Reason(Why.REPLACED, (replaced[path],)) for path in replaced)
    assert list(shown) == sorted(shown)
    left = [one for one in shown.values() if one.action is FileAction.REMOVE]
    assert {one.path for one in left} == {f"file_{one}" for one in gone} - set(replaced.values())
    unsure = len(replaced) < len(came)
    assert {one.reason.code for one in left} <= {Why.UNSURE if unsure else Why.UNDECLARED}
    for other in (replace(plan, live=()), replace(plan, desired=()), replace(plan, live=(replace(live, raw={}),))):
        assert review.of(other).replaced == {}


def test_documents_of_a_store_are_shown_as_they_are() -> None:
    files = (removed(MINE), added(DesiredFile("docs/b.md", 1, "b")))
    change = Change(S, Action.UPDATE, WHY, "id_s", files=files)
    plan = planned(change, live=(owned(S, {}, MINE),), desired=(Resource(S, {}, (DesiredFile("docs/b.md", 1, "b"),)),))
    assert review.files(plan, change) == files
    assert review.of(plan).replaced == {}


def test_a_plan_of_a_file_carries_its_review() -> None:
    told = Review(3, 5, 7.0, "no", {S: ("file_9",)})
    plan = planned(review=told)
    assert review.of(plan) is told
    assert review.reviewed(plan) is plan
